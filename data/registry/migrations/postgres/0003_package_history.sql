CREATE TABLE package_history (
    package TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    changes TEXT COLLATE "C" NOT NULL,
    sources TEXT COLLATE "C" NOT NULL,
    applied_at TEXT COLLATE "C" NOT NULL,
    applied_by TEXT COLLATE "C" NOT NULL
);
CREATE INDEX package_history_package ON package_history (package, applied_at);
