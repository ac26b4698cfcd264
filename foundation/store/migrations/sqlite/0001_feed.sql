CREATE TABLE feed (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    xid BIGINT NOT NULL DEFAULT 0,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT,
    at TEXT NOT NULL,
    data TEXT NOT NULL,
    actor TEXT NOT NULL,
    trace TEXT NOT NULL
);
