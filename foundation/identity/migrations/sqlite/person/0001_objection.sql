-- Persons' objections to what showed their data. `told` is the entry as the person saw it (JSON); `unit` answers.
CREATE TABLE objection (
    id TEXT PRIMARY KEY NOT NULL,
    party TEXT NOT NULL,
    entry TEXT NOT NULL,
    package TEXT NOT NULL,
    owner TEXT NOT NULL,
    unit TEXT,
    reader TEXT NOT NULL,
    told TEXT NOT NULL,
    reason TEXT NOT NULL,
    made_at TEXT NOT NULL,
    made_by TEXT NOT NULL,
    due_on TEXT NOT NULL,
    overdue_at TEXT,
    answered_at TEXT,
    answered_by TEXT,
    outcome TEXT,
    answer TEXT,
    UNIQUE (party, entry)
);
