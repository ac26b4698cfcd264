-- Persons' objections to what showed their data. `told` is the entry as the person saw it (JSON); `unit` answers.
CREATE TABLE objection (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    party TEXT COLLATE "C" NOT NULL,
    entry TEXT COLLATE "C" NOT NULL,
    package TEXT COLLATE "C" NOT NULL,
    owner TEXT NOT NULL,
    unit TEXT COLLATE "C",
    reader TEXT COLLATE "C" NOT NULL,
    told TEXT NOT NULL,
    reason TEXT NOT NULL,
    made_at TEXT COLLATE "C" NOT NULL,
    made_by TEXT COLLATE "C" NOT NULL,
    due_on TEXT COLLATE "C" NOT NULL,
    overdue_at TEXT COLLATE "C",
    answered_at TEXT COLLATE "C",
    answered_by TEXT COLLATE "C",
    outcome TEXT COLLATE "C",
    answer TEXT,
    UNIQUE (party, entry)
);
