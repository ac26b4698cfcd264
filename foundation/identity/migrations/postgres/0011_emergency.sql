-- Emergency access (break-glass): who opened what, why, until when, and what a second person made of it.
CREATE TABLE emergency (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C",
    post TEXT COLLATE "C",
    on_behalf_of TEXT COLLATE "C",
    party TEXT COLLATE "C",
    package TEXT COLLATE "C" NOT NULL,
    types TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    opened_at TEXT COLLATE "C" NOT NULL,
    ends_at TEXT COLLATE "C" NOT NULL,
    closed_at TEXT COLLATE "C",
    closed_by TEXT COLLATE "C",
    review_by TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C",
    review TEXT COLLATE "C",
    reviewed_by TEXT COLLATE "C",
    reviewed_name TEXT COLLATE "C",
    reviewed_at TEXT COLLATE "C"
);
CREATE INDEX emergency_account ON emergency (account, ends_at);
CREATE INDEX emergency_review ON emergency (outcome, id);
