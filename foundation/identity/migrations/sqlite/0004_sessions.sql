-- Sessions have an id apart from their token; whoever is signed in signs in once more.
DELETE FROM session;
ALTER TABLE session ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN method TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN must_change BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN kind TEXT NOT NULL DEFAULT 'person';
CREATE TABLE device (
    token_hash TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL REFERENCES account (id),
    failures BIGINT NOT NULL,
    locked_until TEXT,
    created_at TEXT NOT NULL,
    seen_at TEXT NOT NULL
);
CREATE INDEX device_account ON device (account);
-- A try at signing in (or at enrolling) that waits for its next step.
CREATE TABLE sign_in_step (
    token_hash TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    account TEXT,
    content TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE INDEX sign_in_step_expires ON sign_in_step (expires_at);
-- Tries at logins that nobody has, counted like others so that they answer alike; kept for a day.
CREATE TABLE stranger (
    login_hash TEXT PRIMARY KEY NOT NULL,
    failures BIGINT NOT NULL,
    locked_until TEXT,
    tried_at TEXT NOT NULL
);
CREATE INDEX stranger_tried ON stranger (tried_at);
