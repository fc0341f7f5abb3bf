-- Which solutions of captchas are used up, and by which request: that one may show its solution again.
CREATE TABLE used_solutions (
    id bytea PRIMARY KEY,
    used_by bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX used_solutions_expires_at ON used_solutions (expires_at);
