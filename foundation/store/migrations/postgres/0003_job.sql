CREATE TABLE job (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    payload TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    run_at TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    dedupe_key TEXT COLLATE "C",
    leased_by TEXT COLLATE "C",
    lease_until TEXT COLLATE "C",
    progress TEXT COLLATE "C",
    error TEXT COLLATE "C",
    created_at TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    ended_at TEXT COLLATE "C"
);
CREATE INDEX job_due ON job (state, run_at);
CREATE UNIQUE INDEX job_dedupe ON job (kind, dedupe_key) WHERE state IN ('waiting', 'running');
