-- A post: a unit and roles that an account acts in, from a day until a day. Days are civil days of the platform's zone.
CREATE TABLE post (
    id TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL REFERENCES account (id),
    unit TEXT NOT NULL,
    title TEXT NOT NULL,
    roles TEXT NOT NULL,
    regions TEXT NOT NULL,
    lines TEXT NOT NULL,
    starts_on TEXT NOT NULL,
    ends_on TEXT,
    main BIGINT NOT NULL,
    ended_at TEXT,
    version BIGINT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX post_account ON post (account);
CREATE INDEX post_unit ON post (unit);
-- A post that its holder lets another account act in (代办).
CREATE TABLE delegation (
    id TEXT PRIMARY KEY NOT NULL,
    post TEXT NOT NULL REFERENCES post (id),
    account TEXT NOT NULL REFERENCES account (id),
    roles TEXT,
    reason TEXT NOT NULL,
    starts_on TEXT NOT NULL,
    ends_on TEXT NOT NULL,
    created_at TEXT NOT NULL,
    revoked_at TEXT,
    revoked_by TEXT
);
CREATE INDEX delegation_post ON delegation (post);
CREATE INDEX delegation_account ON delegation (account);
-- The post that a session has chosen; 'own' for the account's own unit and roles, nothing for the main post.
ALTER TABLE session ADD COLUMN post TEXT;
