CREATE TABLE process_definition (
    id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    package TEXT COLLATE "C" NOT NULL,
    process TEXT COLLATE "C" NOT NULL,
    file TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    xml TEXT COLLATE "C" NOT NULL,
    installed BIGINT NOT NULL,
    deployed_at TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (id, version)
);
