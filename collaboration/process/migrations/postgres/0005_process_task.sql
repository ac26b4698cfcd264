CREATE TABLE process_task (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    instance TEXT COLLATE "C" NOT NULL,
    token BIGINT NOT NULL,
    process TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    element TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    roles TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C",
    region TEXT COLLATE "C",
    line TEXT COLLATE "C",
    excluded TEXT COLLATE "C" NOT NULL,
    assignee TEXT COLLATE "C",
    delegated_from TEXT COLLATE "C",
    created_at TEXT COLLATE "C" NOT NULL,
    due_at TEXT COLLATE "C" NOT NULL,
    warn_at TEXT COLLATE "C" NOT NULL,
    priority BIGINT NOT NULL,
    form TEXT COLLATE "C",
    about TEXT COLLATE "C",
    business_key TEXT COLLATE "C",
    batch BIGINT NOT NULL,
    note TEXT COLLATE "C",
    done_at TEXT COLLATE "C",
    done_by TEXT COLLATE "C",
    data TEXT COLLATE "C" NOT NULL
);
CREATE INDEX process_task_mine ON process_task (assignee, due_at, id) WHERE state = 'claimed';
CREATE INDEX process_task_open ON process_task (instance, token) WHERE state IN ('open', 'claimed');
CREATE INDEX process_task_done ON process_task (done_by, id) WHERE state = 'done';
