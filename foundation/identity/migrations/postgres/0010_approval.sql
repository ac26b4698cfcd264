-- An act that somebody else must agree to: what was asked, sealed, and what became of it.
CREATE TABLE approval (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C",
    post TEXT COLLATE "C",
    on_behalf_of TEXT COLLATE "C",
    party TEXT COLLATE "C",
    represents TEXT COLLATE "C",
    operation TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    transition TEXT COLLATE "C",
    purpose TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL,
    why TEXT COLLATE "C" NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    obligations TEXT COLLATE "C" NOT NULL,
    sealed TEXT COLLATE "C",
    sealed_file TEXT COLLATE "C",
    asked_at TEXT COLLATE "C" NOT NULL,
    expires_at TEXT COLLATE "C" NOT NULL,
    decided_by TEXT COLLATE "C",
    decided_name TEXT COLLATE "C",
    decided_post TEXT COLLATE "C",
    decided_for TEXT COLLATE "C",
    decided_reason TEXT COLLATE "C",
    decided_at TEXT COLLATE "C",
    used_at TEXT COLLATE "C",
    used_trace TEXT COLLATE "C"
);
CREATE INDEX approval_account ON approval (account, id);
CREATE INDEX approval_state ON approval (state, id);
CREATE INDEX approval_asked ON approval (asked_at);
-- The same call waits once.
CREATE UNIQUE INDEX approval_waiting ON approval (digest) WHERE state = 'waiting';
