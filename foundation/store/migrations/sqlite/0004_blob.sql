CREATE TABLE blob (
    hash TEXT PRIMARY KEY NOT NULL,
    size BIGINT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL
);
