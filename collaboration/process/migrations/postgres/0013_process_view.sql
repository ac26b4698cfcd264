CREATE TABLE process_view (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    query TEXT COLLATE "C" NOT NULL,
    created_at TEXT COLLATE "C" NOT NULL
);
CREATE INDEX process_view_account ON process_view (account, title);
