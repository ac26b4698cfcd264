CREATE TABLE token (
    token_hash TEXT PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES account (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    scopes TEXT,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT
);
CREATE INDEX token_account ON token (account);
CREATE TABLE service_secret (
    account TEXT PRIMARY KEY NOT NULL REFERENCES account (id),
    secret_hash TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE service_key (
    id TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    jwk TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX service_key_account ON service_key (account);
CREATE TABLE assertion_used (
    account TEXT NOT NULL,
    jti_hash TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (account, jti_hash)
);
