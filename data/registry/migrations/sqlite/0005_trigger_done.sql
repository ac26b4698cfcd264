CREATE TABLE trigger_done (
    trigger_name TEXT NOT NULL,
    done_key TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (trigger_name, done_key)
);
