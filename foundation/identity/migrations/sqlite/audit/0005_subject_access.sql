-- Whose data an act showed; `moment` in milliseconds since 1970.
CREATE TABLE subject_access (
    token BLOB NOT NULL,
    moment BIGINT NOT NULL,
    log BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (token, moment, log, position)
) WITHOUT ROWID;
