CREATE TABLE decision_evaluation (
    id TEXT PRIMARY KEY NOT NULL,
    package TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    hash TEXT NOT NULL,
    decision TEXT NOT NULL,
    input TEXT NOT NULL,
    result TEXT NOT NULL,
    explanation TEXT NOT NULL,
    clock TEXT NOT NULL,
    evaluated_at TEXT NOT NULL,
    evaluated_by TEXT NOT NULL
);
