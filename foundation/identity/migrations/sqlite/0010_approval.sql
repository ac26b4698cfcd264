-- An act that somebody else must agree to: what was asked, sealed, and what became of it.
CREATE TABLE approval (
    id TEXT PRIMARY KEY NOT NULL,
    state TEXT NOT NULL,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT,
    post TEXT,
    on_behalf_of TEXT,
    party TEXT,
    represents TEXT,
    operation TEXT NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    transition TEXT,
    purpose TEXT,
    reason TEXT NOT NULL,
    why TEXT NOT NULL,
    digest TEXT NOT NULL,
    obligations TEXT NOT NULL,
    sealed TEXT,
    sealed_file TEXT,
    asked_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    decided_by TEXT,
    decided_name TEXT,
    decided_post TEXT,
    decided_for TEXT,
    decided_reason TEXT,
    decided_at TEXT,
    used_at TEXT,
    used_trace TEXT
);
CREATE INDEX approval_account ON approval (account, id);
CREATE INDEX approval_state ON approval (state, id);
CREATE INDEX approval_asked ON approval (asked_at);
-- The same call waits once.
CREATE UNIQUE INDEX approval_waiting ON approval (digest) WHERE state = 'waiting';
