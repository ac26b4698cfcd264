CREATE TABLE key_store (
    id TEXT PRIMARY KEY NOT NULL
);
CREATE TABLE key_destruction (
    id TEXT PRIMARY KEY NOT NULL,
    at TEXT NOT NULL,
    domain TEXT NOT NULL,
    subject TEXT NOT NULL,
    key_id TEXT,
    reason TEXT NOT NULL,
    final BIGINT NOT NULL,
    by_whom TEXT NOT NULL
);
CREATE INDEX key_destruction_at ON key_destruction (at);
CREATE TABLE erasure (
    id TEXT PRIMARY KEY NOT NULL,
    subject TEXT,
    domains TEXT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_party TEXT,
    decided_at TEXT,
    decided_by TEXT,
    note TEXT,
    done_at TEXT,
    destroyed BIGINT NOT NULL
);
CREATE INDEX erasure_state ON erasure (state, id);
CREATE INDEX erasure_asked_by ON erasure (asked_by, id);
CREATE TABLE legal_hold (
    id TEXT PRIMARY KEY NOT NULL,
    subject TEXT NOT NULL,
    domain TEXT,
    reason TEXT NOT NULL,
    until TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_party TEXT,
    decided_at TEXT,
    decided_by TEXT
);
CREATE INDEX legal_hold_subject ON legal_hold (subject, state);
