CREATE TABLE import_error (
    run TEXT NOT NULL,
    line BIGINT NOT NULL,
    cells TEXT NOT NULL,
    errors TEXT NOT NULL,
    PRIMARY KEY (run, line)
);
