CREATE TABLE feed_cursor (
    consumer TEXT PRIMARY KEY NOT NULL,
    xid BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    moved_at TEXT NOT NULL
);
