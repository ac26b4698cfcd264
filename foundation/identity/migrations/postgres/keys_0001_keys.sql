CREATE TABLE key_meta (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    suite TEXT COLLATE "C",
    number BIGINT,
    wrapped BYTEA
);
INSERT INTO key_meta (name, number) VALUES ('generation', 1);
CREATE TABLE domain_key (
    domain TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    suite TEXT COLLATE "C" NOT NULL,
    wrapped BYTEA NOT NULL,
    blind BYTEA NOT NULL,
    created_at TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (domain, version)
);
CREATE TABLE data_key (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    domain TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    domain_version BIGINT NOT NULL,
    wrapped BYTEA NOT NULL,
    created_at TEXT COLLATE "C" NOT NULL,
    UNIQUE (domain, subject)
);
CREATE TABLE destruction (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    at TEXT COLLATE "C" NOT NULL,
    domain TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL,
    final BIGINT NOT NULL,
    by_whom TEXT COLLATE "C" NOT NULL,
    told BIGINT NOT NULL
);
CREATE INDEX destruction_subject ON destruction (domain, subject);
CREATE UNIQUE INDEX destruction_key ON destruction (key_id);
CREATE INDEX destruction_untold ON destruction (id) WHERE told = 0;
