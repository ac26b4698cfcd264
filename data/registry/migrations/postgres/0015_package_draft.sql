CREATE TABLE package_draft (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    package TEXT COLLATE "C" NOT NULL,
    title TEXT NOT NULL,
    files TEXT NOT NULL,
    base TEXT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    created_at TEXT COLLATE "C" NOT NULL,
    updated_at TEXT COLLATE "C" NOT NULL,
    note TEXT,
    submitted_at TEXT COLLATE "C",
    reviewer TEXT COLLATE "C",
    review_note TEXT,
    reviewed_at TEXT COLLATE "C",
    published TEXT COLLATE "C"
);
