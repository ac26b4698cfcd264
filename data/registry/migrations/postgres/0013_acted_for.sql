-- Versions that somebody made in another's post, or for a party that let him.
CREATE TABLE acted_for (
    record TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    gone BIGINT NOT NULL,
    post TEXT COLLATE "C",
    on_behalf_of TEXT COLLATE "C",
    represents TEXT COLLATE "C",
    PRIMARY KEY (record, version, gone)
);
