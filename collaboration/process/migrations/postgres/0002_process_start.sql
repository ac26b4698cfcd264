CREATE TABLE process_start (
    process TEXT COLLATE "C" NOT NULL,
    node BIGINT NOT NULL,
    definition BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    due_at TEXT COLLATE "C",
    clock TEXT COLLATE "C",
    PRIMARY KEY (process, node, definition)
);
CREATE INDEX process_start_name ON process_start (kind, name);
CREATE INDEX process_start_due ON process_start (due_at) WHERE due_at IS NOT NULL;
