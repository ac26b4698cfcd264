CREATE TABLE blob_holder (
    hash TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (hash, actor)
);
