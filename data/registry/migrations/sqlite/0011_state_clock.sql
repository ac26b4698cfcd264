CREATE TABLE state_clock (
    type TEXT NOT NULL,
    record TEXT NOT NULL,
    name TEXT NOT NULL,
    due_at TEXT NOT NULL,
    PRIMARY KEY (type, record, name)
);
CREATE INDEX state_clock_due ON state_clock (due_at);
