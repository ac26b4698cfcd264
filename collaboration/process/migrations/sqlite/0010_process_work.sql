CREATE TABLE process_work (
    id TEXT NOT NULL PRIMARY KEY,
    instance TEXT NOT NULL,
    token BIGINT NOT NULL,
    topic TEXT NOT NULL,
    inputs TEXT NOT NULL,
    available_at TEXT NOT NULL,
    worker TEXT,
    failures BIGINT NOT NULL
);
CREATE INDEX process_work_topic ON process_work (topic, available_at);
CREATE INDEX process_work_instance ON process_work (instance, token);
