CREATE TABLE process_party (
    account TEXT NOT NULL,
    instance TEXT NOT NULL,
    PRIMARY KEY (account, instance)
) WITHOUT ROWID;
CREATE INDEX process_party_instance ON process_party (instance);
