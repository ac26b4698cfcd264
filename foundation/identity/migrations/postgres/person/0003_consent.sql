-- Consents of persons, by purpose (`<package>.<purpose>`) and version of the text agreed to. Only whole ones; what was
-- withdrawn, or replaced by one to a later version, stays as history.
CREATE TABLE consent (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    party TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    given_at TEXT COLLATE "C" NOT NULL,
    given_by TEXT COLLATE "C" NOT NULL,
    via TEXT COLLATE "C" NOT NULL,
    withdrawn_at TEXT COLLATE "C",
    withdrawn_by TEXT COLLATE "C"
);
