CREATE TABLE trigger_done (
    trigger_name TEXT COLLATE "C" NOT NULL,
    done_key TEXT COLLATE "C" NOT NULL,
    at TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (trigger_name, done_key)
);
