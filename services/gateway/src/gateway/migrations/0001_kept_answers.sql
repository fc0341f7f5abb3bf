-- First answers for repeated Idempotency-Keys. Nothing here can be read without the key that the client holds:
-- id and request are hashes, the answer is encrypted under a key derived from the Idempotency-Key.
CREATE TABLE kept_answers (
    id bytea PRIMARY KEY,
    request bytea NOT NULL,
    started_at timestamptz NOT NULL,
    answer bytea
);
CREATE INDEX kept_answers_started_at ON kept_answers (started_at);
