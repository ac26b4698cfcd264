CREATE TABLE key_meta (
    name TEXT PRIMARY KEY NOT NULL,
    suite TEXT,
    number BIGINT,
    wrapped BLOB
);
INSERT INTO key_meta (name, number) VALUES ('generation', 1);
CREATE TABLE domain_key (
    domain TEXT NOT NULL,
    version BIGINT NOT NULL,
    suite TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    blind BLOB NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (domain, version)
);
CREATE TABLE data_key (
    id TEXT PRIMARY KEY NOT NULL,
    domain TEXT NOT NULL,
    subject TEXT NOT NULL,
    domain_version BIGINT NOT NULL,
    wrapped BLOB NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (domain, subject)
);
CREATE TABLE destruction (
    id TEXT PRIMARY KEY NOT NULL,
    at TEXT NOT NULL,
    domain TEXT NOT NULL,
    subject TEXT NOT NULL,
    key_id TEXT,
    reason TEXT NOT NULL,
    final BIGINT NOT NULL,
    by_whom TEXT NOT NULL,
    told BIGINT NOT NULL
);
CREATE INDEX destruction_subject ON destruction (domain, subject);
CREATE UNIQUE INDEX destruction_key ON destruction (key_id);
CREATE INDEX destruction_untold ON destruction (id) WHERE told = 0;
