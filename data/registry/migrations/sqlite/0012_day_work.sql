CREATE TABLE day_work (
    work TEXT PRIMARY KEY NOT NULL,
    day TEXT NOT NULL,
    page TEXT NOT NULL,
    bound BIGINT NOT NULL,
    done BIGINT NOT NULL
);
