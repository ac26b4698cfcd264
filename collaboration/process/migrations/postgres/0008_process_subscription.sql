CREATE TABLE process_subscription (
    instance TEXT COLLATE "C" NOT NULL,
    sub BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C",
    PRIMARY KEY (instance, sub)
);
CREATE INDEX process_subscription_name ON process_subscription (kind, name, key);
