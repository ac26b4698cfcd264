CREATE TABLE package_draft (
    id TEXT PRIMARY KEY NOT NULL,
    package TEXT NOT NULL,
    title TEXT NOT NULL,
    files TEXT NOT NULL,
    base TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    author TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    note TEXT,
    submitted_at TEXT,
    reviewer TEXT,
    review_note TEXT,
    reviewed_at TEXT,
    published TEXT
);
