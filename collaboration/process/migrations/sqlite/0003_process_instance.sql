CREATE TABLE process_instance (
    id TEXT NOT NULL PRIMARY KEY,
    process TEXT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    incidents BIGINT NOT NULL,
    business_key TEXT,
    revision BIGINT NOT NULL,
    started_at TEXT NOT NULL,
    started_by TEXT NOT NULL,
    ended_at TEXT,
    parent TEXT,
    parent_token BIGINT,
    due_at TEXT,
    data TEXT NOT NULL
);
CREATE INDEX process_instance_process ON process_instance (process, id);
CREATE INDEX process_instance_running ON process_instance (process, version, id) WHERE state = 'running';
CREATE INDEX process_instance_due ON process_instance (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX process_instance_parent ON process_instance (parent) WHERE parent IS NOT NULL;
CREATE INDEX process_instance_key ON process_instance (business_key) WHERE business_key IS NOT NULL;
CREATE INDEX process_instance_stuck ON process_instance (id) WHERE incidents > 0;
