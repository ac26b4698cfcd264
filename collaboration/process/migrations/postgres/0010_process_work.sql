CREATE TABLE process_work (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    instance TEXT COLLATE "C" NOT NULL,
    token BIGINT NOT NULL,
    topic TEXT COLLATE "C" NOT NULL,
    inputs TEXT COLLATE "C" NOT NULL,
    available_at TEXT COLLATE "C" NOT NULL,
    worker TEXT COLLATE "C",
    failures BIGINT NOT NULL
);
CREATE INDEX process_work_topic ON process_work (topic, available_at);
CREATE INDEX process_work_instance ON process_work (instance, token);
