-- The logs that the index was made from, and how far: `next` is the first entry that is not in it.
CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    next BIGINT NOT NULL
);
