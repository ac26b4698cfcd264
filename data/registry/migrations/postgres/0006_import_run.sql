CREATE TABLE import_run (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    file_name TEXT NOT NULL,
    blob TEXT COLLATE "C" NOT NULL,
    dry_run BIGINT NOT NULL,
    mode TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    header TEXT NOT NULL,
    total BIGINT NOT NULL,
    done BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    message TEXT,
    created_at TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    ended_at TEXT COLLATE "C"
);
CREATE INDEX import_run_created_by ON import_run (created_by, created_at);
