CREATE TABLE external_identity (
    id TEXT PRIMARY KEY NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    provider TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES account (id),
    created_at TEXT NOT NULL,
    used_at TEXT,
    UNIQUE (issuer, subject)
);
CREATE INDEX external_identity_account ON external_identity (account);
