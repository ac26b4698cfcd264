CREATE TABLE audit_salt (
    blind BYTEA PRIMARY KEY NOT NULL,
    salt BYTEA NOT NULL
);
