CREATE TABLE process_letter (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    key TEXT,
    sent_id TEXT,
    variables TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    taken BIGINT NOT NULL
);
CREATE INDEX process_letter_name ON process_letter (name, key) WHERE taken = 0;
CREATE UNIQUE INDEX process_letter_sent ON process_letter (name, sent_id) WHERE sent_id IS NOT NULL;
CREATE INDEX process_letter_expires ON process_letter (expires_at);
