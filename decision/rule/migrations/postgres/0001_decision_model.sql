CREATE TABLE decision_model (
    package TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    title TEXT NOT NULL,
    xml TEXT NOT NULL,
    imports TEXT NOT NULL,
    cases TEXT NOT NULL,
    decisions TEXT NOT NULL,
    effective_from TEXT COLLATE "C" NOT NULL,
    effective_until TEXT COLLATE "C",
    published_at TEXT COLLATE "C" NOT NULL,
    published_by TEXT COLLATE "C" NOT NULL,
    retired_at TEXT COLLATE "C",
    PRIMARY KEY (package, name, version)
);
