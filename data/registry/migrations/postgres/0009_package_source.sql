CREATE TABLE package_source (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    overlays TEXT COLLATE "C",
    version TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    sources TEXT COLLATE "C" NOT NULL,
    step BIGINT NOT NULL,
    applied_at TEXT COLLATE "C" NOT NULL,
    applied_by TEXT COLLATE "C" NOT NULL
);
