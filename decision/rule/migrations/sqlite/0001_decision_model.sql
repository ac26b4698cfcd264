CREATE TABLE decision_model (
    package TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    hash TEXT NOT NULL,
    title TEXT NOT NULL,
    xml TEXT NOT NULL,
    imports TEXT NOT NULL,
    cases TEXT NOT NULL,
    decisions TEXT NOT NULL,
    effective_from TEXT NOT NULL,
    effective_until TEXT,
    published_at TEXT NOT NULL,
    published_by TEXT NOT NULL,
    retired_at TEXT,
    PRIMARY KEY (package, name, version)
);
