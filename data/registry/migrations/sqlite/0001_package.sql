CREATE TABLE package (
    id TEXT PRIMARY KEY NOT NULL,
    version TEXT NOT NULL,
    hash TEXT NOT NULL,
    compiled TEXT NOT NULL,
    step BIGINT NOT NULL,
    applied_at TEXT NOT NULL,
    applied_by TEXT NOT NULL
);
