CREATE TABLE process_instance (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    process TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    incidents BIGINT NOT NULL,
    business_key TEXT COLLATE "C",
    revision BIGINT NOT NULL,
    started_at TEXT COLLATE "C" NOT NULL,
    started_by TEXT COLLATE "C" NOT NULL,
    ended_at TEXT COLLATE "C",
    parent TEXT COLLATE "C",
    parent_token BIGINT,
    due_at TEXT COLLATE "C",
    data TEXT COLLATE "C" NOT NULL
);
CREATE INDEX process_instance_process ON process_instance (process, id);
CREATE INDEX process_instance_running ON process_instance (process, version, id) WHERE state = 'running';
CREATE INDEX process_instance_due ON process_instance (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX process_instance_parent ON process_instance (parent) WHERE parent IS NOT NULL;
CREATE INDEX process_instance_key ON process_instance (business_key) WHERE business_key IS NOT NULL;
CREATE INDEX process_instance_stuck ON process_instance (id) WHERE incidents > 0;
