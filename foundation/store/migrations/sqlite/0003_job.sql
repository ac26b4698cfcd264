CREATE TABLE job (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    run_at TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    dedupe_key TEXT,
    leased_by TEXT,
    lease_until TEXT,
    progress TEXT,
    error TEXT,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    ended_at TEXT
);
CREATE INDEX job_due ON job (state, run_at);
CREATE UNIQUE INDEX job_dedupe ON job (kind, dedupe_key) WHERE state IN ('waiting', 'running');
