CREATE TABLE process_start (
    process TEXT NOT NULL,
    node BIGINT NOT NULL,
    definition BIGINT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    due_at TEXT,
    clock TEXT,
    PRIMARY KEY (process, node, definition)
);
CREATE INDEX process_start_name ON process_start (kind, name);
CREATE INDEX process_start_due ON process_start (due_at) WHERE due_at IS NOT NULL;
