CREATE TABLE process_party (
    account TEXT COLLATE "C" NOT NULL,
    instance TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, instance)
);
CREATE INDEX process_party_instance ON process_party (instance);
