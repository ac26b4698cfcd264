-- Emergency access (break-glass): who opened what, why, until when, and what a second person made of it.
CREATE TABLE emergency (
    id TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT,
    post TEXT,
    on_behalf_of TEXT,
    party TEXT,
    package TEXT NOT NULL,
    types TEXT NOT NULL,
    reason TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    closed_at TEXT,
    closed_by TEXT,
    review_by TEXT NOT NULL,
    outcome TEXT,
    review TEXT,
    reviewed_by TEXT,
    reviewed_name TEXT,
    reviewed_at TEXT
);
CREATE INDEX emergency_account ON emergency (account, ends_at);
CREATE INDEX emergency_review ON emergency (outcome, id);
