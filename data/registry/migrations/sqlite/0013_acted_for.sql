-- Versions that somebody made in another's post, or for a party that let him.
CREATE TABLE acted_for (
    record TEXT NOT NULL,
    version BIGINT NOT NULL,
    gone BIGINT NOT NULL,
    post TEXT,
    on_behalf_of TEXT,
    represents TEXT,
    PRIMARY KEY (record, version, gone)
);
