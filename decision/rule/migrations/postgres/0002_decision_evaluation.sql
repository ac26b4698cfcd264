CREATE TABLE decision_evaluation (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    package TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    decision TEXT NOT NULL,
    input TEXT NOT NULL,
    result TEXT NOT NULL,
    explanation TEXT NOT NULL,
    clock TEXT COLLATE "C" NOT NULL,
    evaluated_at TEXT COLLATE "C" NOT NULL,
    evaluated_by TEXT COLLATE "C" NOT NULL
);
