CREATE TABLE process_task (
    id TEXT NOT NULL PRIMARY KEY,
    instance TEXT NOT NULL,
    token BIGINT NOT NULL,
    process TEXT NOT NULL,
    version BIGINT NOT NULL,
    element TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL,
    roles TEXT NOT NULL,
    unit TEXT,
    region TEXT,
    line TEXT,
    excluded TEXT NOT NULL,
    assignee TEXT,
    delegated_from TEXT,
    created_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    warn_at TEXT NOT NULL,
    priority BIGINT NOT NULL,
    form TEXT,
    about TEXT,
    business_key TEXT,
    batch BIGINT NOT NULL,
    note TEXT,
    done_at TEXT,
    done_by TEXT,
    data TEXT NOT NULL
);
CREATE INDEX process_task_mine ON process_task (assignee, due_at, id) WHERE state = 'claimed';
CREATE INDEX process_task_open ON process_task (instance, token) WHERE state IN ('open', 'claimed');
CREATE INDEX process_task_done ON process_task (done_by, id) WHERE state = 'done';
