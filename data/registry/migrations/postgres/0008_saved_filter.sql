CREATE TABLE saved_filter (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    shared BIGINT NOT NULL,
    created_at TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL
);
CREATE INDEX saved_filter_type ON saved_filter (type, created_by);
