CREATE TABLE process_draft (
    task TEXT NOT NULL,
    account TEXT NOT NULL,
    form_values TEXT NOT NULL,
    saved_at TEXT NOT NULL,
    PRIMARY KEY (task, account)
);
