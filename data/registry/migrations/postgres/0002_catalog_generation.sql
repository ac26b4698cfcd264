CREATE TABLE catalog_generation (
    one BIGINT PRIMARY KEY NOT NULL,
    n BIGINT NOT NULL
);
