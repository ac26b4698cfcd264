-- Sessions have an id apart from their token; whoever is signed in signs in once more.
DELETE FROM session;
ALTER TABLE session ADD COLUMN id TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN agent TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN method TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN must_change BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'person';
CREATE TABLE device (
    token_hash TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    failures BIGINT NOT NULL,
    locked_until TEXT COLLATE "C",
    created_at TEXT COLLATE "C" NOT NULL,
    seen_at TEXT COLLATE "C" NOT NULL
);
CREATE INDEX device_account ON device (account);
-- A try at signing in (or at enrolling) that waits for its next step.
CREATE TABLE sign_in_step (
    token_hash TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C",
    content TEXT COLLATE "C" NOT NULL,
    expires_at TEXT COLLATE "C" NOT NULL
);
CREATE INDEX sign_in_step_expires ON sign_in_step (expires_at);
-- Tries at logins that nobody has, counted like others so that they answer alike; kept for a day.
CREATE TABLE stranger (
    login_hash TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    failures BIGINT NOT NULL,
    locked_until TEXT COLLATE "C",
    tried_at TEXT COLLATE "C" NOT NULL
);
CREATE INDEX stranger_tried ON stranger (tried_at);
