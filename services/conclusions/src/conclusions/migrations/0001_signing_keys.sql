-- Private keys of doctors, wrapped (AES-256-GCM); certificates themselves are facts of the event store.
CREATE TABLE signing_key (
    tenant text NOT NULL,
    clinician_id uuid NOT NULL,
    serial text NOT NULL,
    certificate_pem bytea NOT NULL,
    chain_pem bytea NOT NULL,
    wrapping_key_id text NOT NULL,
    wrapped_key bytea NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, clinician_id, serial)
);
