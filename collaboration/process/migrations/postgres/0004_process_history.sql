CREATE TABLE process_history (
    instance TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    version BIGINT NOT NULL,
    at TEXT COLLATE "C" NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    entries TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (instance, revision)
);
