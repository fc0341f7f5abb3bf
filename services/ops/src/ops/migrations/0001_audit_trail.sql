-- The trail: one row for each event of every service, with what relates it to others. No personal value is in it.
CREATE TABLE audit_trail (
    service text NOT NULL,
    position text NOT NULL,
    event_id uuid NOT NULL,
    stream text NOT NULL,
    revision bigint NOT NULL,
    type text NOT NULL,
    time timestamptz NOT NULL,
    tenant text NOT NULL,
    actor text NOT NULL,
    role text NOT NULL,
    correlation uuid NOT NULL,
    causation uuid,
    subject text,
    policy bigint,
    facts jsonb NOT NULL,
    refs uuid[] NOT NULL,
    PRIMARY KEY (service, position)
);
CREATE INDEX audit_trail_refs ON audit_trail USING gin (refs);
CREATE INDEX audit_trail_stream ON audit_trail (service, stream, revision);
CREATE INDEX audit_trail_subject ON audit_trail (tenant, subject) WHERE subject IS NOT NULL;
CREATE INDEX audit_trail_event ON audit_trail (event_id);
CREATE TABLE audit_positions (
    service text PRIMARY KEY,
    position text NOT NULL
);
