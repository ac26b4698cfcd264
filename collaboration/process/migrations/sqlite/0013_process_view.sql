CREATE TABLE process_view (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    title TEXT NOT NULL,
    query TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX process_view_account ON process_view (account, title);
