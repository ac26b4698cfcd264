-- What showed somebody's data: a touch of the log, without whom it showed.
CREATE TABLE audit_act (
    log BIGINT NOT NULL,
    position BIGINT NOT NULL,
    trace TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C",
    purpose TEXT COLLATE "C",
    count BIGINT NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (log, position)
);
