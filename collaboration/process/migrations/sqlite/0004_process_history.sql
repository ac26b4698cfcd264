CREATE TABLE process_history (
    instance TEXT NOT NULL,
    revision BIGINT NOT NULL,
    version BIGINT NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    entries TEXT NOT NULL,
    PRIMARY KEY (instance, revision)
) WITHOUT ROWID;
