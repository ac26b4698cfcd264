CREATE TABLE process_definition (
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    package TEXT NOT NULL,
    process TEXT NOT NULL,
    file TEXT NOT NULL,
    title TEXT NOT NULL,
    hash TEXT NOT NULL,
    xml TEXT NOT NULL,
    installed BIGINT NOT NULL,
    deployed_at TEXT NOT NULL,
    PRIMARY KEY (id, version)
);
