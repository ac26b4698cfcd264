CREATE TABLE totp (
    account TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES account (id),
    seed TEXT COLLATE "C" NOT NULL,
    last_step BIGINT NOT NULL,
    created_at TEXT COLLATE "C" NOT NULL
);
CREATE TABLE recovery_code (
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    code_hash TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, code_hash)
);
CREATE TABLE passkey (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    credential TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL,
    created_at TEXT COLLATE "C" NOT NULL,
    used_at TEXT COLLATE "C"
);
CREATE INDEX passkey_account ON passkey (account);
