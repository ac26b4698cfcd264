CREATE TABLE process_letter (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C",
    sent_id TEXT COLLATE "C",
    variables TEXT COLLATE "C" NOT NULL,
    expires_at TEXT COLLATE "C" NOT NULL,
    taken BIGINT NOT NULL
);
CREATE INDEX process_letter_name ON process_letter (name, key) WHERE taken = 0;
CREATE UNIQUE INDEX process_letter_sent ON process_letter (name, sent_id) WHERE sent_id IS NOT NULL;
CREATE INDEX process_letter_expires ON process_letter (expires_at);
