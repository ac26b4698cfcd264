CREATE TABLE process_draft (
    task TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    form_values TEXT COLLATE "C" NOT NULL,
    saved_at TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (task, account)
);
