CREATE TABLE process_candidate (
    role TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    due_at TEXT COLLATE "C" NOT NULL,
    task TEXT COLLATE "C" NOT NULL,
    warn_at TEXT COLLATE "C" NOT NULL,
    line TEXT COLLATE "C",
    priority BIGINT NOT NULL,
    process TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (role, place, due_at, task)
);
CREATE INDEX process_candidate_task ON process_candidate (task);
CREATE INDEX process_candidate_new ON process_candidate (role, place, task);
CREATE INDEX process_candidate_priority ON process_candidate (role, place, priority, task);
