-- Whether the file that was sent and its faulty rows are sealed, and still there.
ALTER TABLE import_run ADD COLUMN sealed BIGINT NOT NULL DEFAULT 0;
