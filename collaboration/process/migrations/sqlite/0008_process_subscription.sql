CREATE TABLE process_subscription (
    instance TEXT NOT NULL,
    sub BIGINT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    key TEXT,
    PRIMARY KEY (instance, sub)
);
CREATE INDEX process_subscription_name ON process_subscription (kind, name, key);
