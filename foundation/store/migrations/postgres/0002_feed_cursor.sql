CREATE TABLE feed_cursor (
    consumer TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    xid BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    moved_at TEXT COLLATE "C" NOT NULL
);
