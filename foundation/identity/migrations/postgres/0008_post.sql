-- A post: a unit and roles that an account acts in, from a day until a day. Days are civil days of the platform's zone.
CREATE TABLE post (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    unit TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    roles TEXT COLLATE "C" NOT NULL,
    regions TEXT COLLATE "C" NOT NULL,
    lines TEXT COLLATE "C" NOT NULL,
    starts_on TEXT COLLATE "C" NOT NULL,
    ends_on TEXT COLLATE "C",
    main BIGINT NOT NULL,
    ended_at TEXT COLLATE "C",
    version BIGINT NOT NULL,
    created_at TEXT COLLATE "C" NOT NULL
);
CREATE INDEX post_account ON post (account);
CREATE INDEX post_unit ON post (unit);
-- A post that its holder lets another account act in (代办).
CREATE TABLE delegation (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    post TEXT COLLATE "C" NOT NULL REFERENCES post (id),
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    roles TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL,
    starts_on TEXT COLLATE "C" NOT NULL,
    ends_on TEXT COLLATE "C" NOT NULL,
    created_at TEXT COLLATE "C" NOT NULL,
    revoked_at TEXT COLLATE "C",
    revoked_by TEXT COLLATE "C"
);
CREATE INDEX delegation_post ON delegation (post);
CREATE INDEX delegation_account ON delegation (account);
-- The post that a session has chosen; 'own' for the account's own unit and roles, nothing for the main post.
ALTER TABLE session ADD COLUMN post TEXT COLLATE "C";
