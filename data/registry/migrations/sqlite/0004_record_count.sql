CREATE TABLE record_count (
    type TEXT NOT NULL,
    shard BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (type, shard)
);
