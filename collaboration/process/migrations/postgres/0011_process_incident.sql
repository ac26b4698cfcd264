CREATE TABLE process_incident (
    instance TEXT COLLATE "C" NOT NULL,
    token BIGINT NOT NULL,
    process TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    element TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL,
    opened_at TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (instance, token)
);
CREATE INDEX process_incident_process ON process_incident (process, opened_at);
