CREATE TABLE external_identity (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    created_at TEXT COLLATE "C" NOT NULL,
    used_at TEXT COLLATE "C",
    UNIQUE (issuer, subject)
);
CREATE INDEX external_identity_account ON external_identity (account);
