-- A party: a natural person or an organisation that acts, or that somebody acts for. Name and number are sealed under the key
-- file; the number may be claimed only.
CREATE TABLE party (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    number TEXT,
    level BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
-- Numbers that are proved, each of one party, as keyed hashes: of the number, and of number and name together.
CREATE TABLE party_number (
    number_index TEXT PRIMARY KEY NOT NULL,
    pair_index TEXT NOT NULL,
    party TEXT NOT NULL UNIQUE REFERENCES party (id)
);
CREATE INDEX party_number_pair ON party_number (pair_index);
-- Which party a citizen's account is, and how surely whoever signs in with it is that one.
CREATE TABLE citizen (
    account TEXT PRIMARY KEY NOT NULL REFERENCES account (id),
    party TEXT NOT NULL REFERENCES party (id),
    level BIGINT NOT NULL
);
CREATE INDEX citizen_party ON citizen (party);
-- Who proved what, and by what evidence (sealed).
CREATE TABLE party_proof (
    id TEXT PRIMARY KEY NOT NULL,
    party TEXT NOT NULL REFERENCES party (id),
    account TEXT REFERENCES account (id),
    level BIGINT NOT NULL,
    way TEXT NOT NULL,
    by_account TEXT NOT NULL,
    evidence TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX party_proof_party ON party_proof (party);
-- That a person may act for a party. `asker` is who asked for it, `from_party` whether that was on the party's side; the other
-- side is empty where nobody has the number that was asked for. `words` are what the asker wrote (sealed).
CREATE TABLE party_link (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    party TEXT REFERENCES party (id),
    person TEXT REFERENCES party (id),
    asker TEXT REFERENCES party (id),
    from_party BIGINT NOT NULL,
    packages TEXT,
    words TEXT NOT NULL,
    starts_on TEXT NOT NULL,
    ends_on TEXT,
    created_at TEXT NOT NULL,
    agreed_at TEXT,
    agreed_by TEXT,
    revoked_at TEXT,
    revoked_by TEXT
);
CREATE INDEX party_link_party ON party_link (party);
CREATE INDEX party_link_person ON party_link (person);
CREATE INDEX party_link_asker ON party_link (asker);
