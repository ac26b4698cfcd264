CREATE TABLE account (
    id TEXT PRIMARY KEY NOT NULL,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    unit TEXT,
    roles TEXT NOT NULL,
    password TEXT NOT NULL,
    disabled BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    locked_until TEXT,
    created_at TEXT NOT NULL
);
