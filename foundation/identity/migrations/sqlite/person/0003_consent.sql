-- Consents of persons, by purpose (`<package>.<purpose>`) and version of the text agreed to. Only whole ones; what was
-- withdrawn, or replaced by one to a later version, stays as history.
CREATE TABLE consent (
    id TEXT PRIMARY KEY NOT NULL,
    party TEXT NOT NULL,
    purpose TEXT NOT NULL,
    version BIGINT NOT NULL,
    given_at TEXT NOT NULL,
    given_by TEXT NOT NULL,
    via TEXT NOT NULL,
    withdrawn_at TEXT,
    withdrawn_by TEXT
);
