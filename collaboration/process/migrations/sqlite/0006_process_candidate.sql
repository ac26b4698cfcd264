CREATE TABLE process_candidate (
    role TEXT NOT NULL,
    place TEXT NOT NULL,
    due_at TEXT NOT NULL,
    task TEXT NOT NULL,
    warn_at TEXT NOT NULL,
    line TEXT,
    priority BIGINT NOT NULL,
    process TEXT NOT NULL,
    PRIMARY KEY (role, place, due_at, task)
) WITHOUT ROWID;
CREATE INDEX process_candidate_task ON process_candidate (task);
CREATE INDEX process_candidate_new ON process_candidate (role, place, task);
CREATE INDEX process_candidate_priority ON process_candidate (role, place, priority, task);
