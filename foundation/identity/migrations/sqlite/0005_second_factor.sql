CREATE TABLE totp (
    account TEXT PRIMARY KEY NOT NULL REFERENCES account (id),
    seed TEXT NOT NULL,
    last_step BIGINT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE recovery_code (
    account TEXT NOT NULL REFERENCES account (id),
    code_hash TEXT NOT NULL,
    PRIMARY KEY (account, code_hash)
);
CREATE TABLE passkey (
    id TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL REFERENCES account (id),
    credential TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at TEXT NOT NULL,
    used_at TEXT
);
CREATE INDEX passkey_account ON passkey (account);
