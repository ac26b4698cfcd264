-- What showed somebody's data: a touch of the log, without whom it showed.
CREATE TABLE audit_act (
    log BIGINT NOT NULL,
    position BIGINT NOT NULL,
    trace TEXT NOT NULL,
    resource TEXT NOT NULL,
    unit TEXT,
    purpose TEXT,
    count BIGINT NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (log, position)
) WITHOUT ROWID;
