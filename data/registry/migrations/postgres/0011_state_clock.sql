CREATE TABLE state_clock (
    type TEXT COLLATE "C" NOT NULL,
    record TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    due_at TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (type, record, name)
);
CREATE INDEX state_clock_due ON state_clock (due_at);
