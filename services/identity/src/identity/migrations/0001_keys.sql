-- Private keys of access tokens; destroyed when the last token that they signed has expired.
CREATE TABLE signing_keys (
    key_id uuid PRIMARY KEY,
    made_at timestamptz NOT NULL,
    signs_from timestamptz NOT NULL,
    wrapped bytea NOT NULL,
    master_key_id text NOT NULL
);

-- The one secret from which hashes of logins and codes, and refresh tokens, are made.
CREATE TABLE root_secret (
    id integer PRIMARY KEY CHECK (id = 1),
    wrapped bytea NOT NULL,
    master_key_id text NOT NULL
);
