CREATE TABLE key_store (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL
);
CREATE TABLE key_destruction (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    at TEXT COLLATE "C" NOT NULL,
    domain TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL,
    final BIGINT NOT NULL,
    by_whom TEXT COLLATE "C" NOT NULL
);
CREATE INDEX key_destruction_at ON key_destruction (at);
CREATE TABLE erasure (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    subject TEXT COLLATE "C",
    domains TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    asked_at TEXT COLLATE "C" NOT NULL,
    asked_by TEXT COLLATE "C" NOT NULL,
    asked_party TEXT COLLATE "C",
    decided_at TEXT COLLATE "C",
    decided_by TEXT COLLATE "C",
    note TEXT COLLATE "C",
    done_at TEXT COLLATE "C",
    destroyed BIGINT NOT NULL
);
CREATE INDEX erasure_state ON erasure (state, id);
CREATE INDEX erasure_asked_by ON erasure (asked_by, id);
CREATE TABLE legal_hold (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    domain TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL,
    until TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    asked_at TEXT COLLATE "C" NOT NULL,
    asked_by TEXT COLLATE "C" NOT NULL,
    asked_party TEXT COLLATE "C",
    decided_at TEXT COLLATE "C",
    decided_by TEXT COLLATE "C"
);
CREATE INDEX legal_hold_subject ON legal_hold (subject, state);
