CREATE TABLE package_source (
    id TEXT PRIMARY KEY NOT NULL,
    overlays TEXT,
    version TEXT NOT NULL,
    hash TEXT NOT NULL,
    sources TEXT NOT NULL,
    step BIGINT NOT NULL,
    applied_at TEXT NOT NULL,
    applied_by TEXT NOT NULL
);
