CREATE TABLE process_incident (
    instance TEXT NOT NULL,
    token BIGINT NOT NULL,
    process TEXT NOT NULL,
    version BIGINT NOT NULL,
    element TEXT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    PRIMARY KEY (instance, token)
);
CREATE INDEX process_incident_process ON process_incident (process, opened_at);
