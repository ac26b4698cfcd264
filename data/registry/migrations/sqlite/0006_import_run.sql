CREATE TABLE import_run (
    id TEXT PRIMARY KEY NOT NULL,
    type TEXT NOT NULL,
    file_name TEXT NOT NULL,
    blob TEXT NOT NULL,
    dry_run BIGINT NOT NULL,
    mode TEXT NOT NULL,
    state TEXT NOT NULL,
    header TEXT NOT NULL,
    total BIGINT NOT NULL,
    done BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    message TEXT,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    ended_at TEXT
);
CREATE INDEX import_run_created_by ON import_run (created_by, created_at);
