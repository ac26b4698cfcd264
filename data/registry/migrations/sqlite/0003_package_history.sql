CREATE TABLE package_history (
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    hash TEXT NOT NULL,
    changes TEXT NOT NULL,
    sources TEXT NOT NULL,
    applied_at TEXT NOT NULL,
    applied_by TEXT NOT NULL
);
CREATE INDEX package_history_package ON package_history (package, applied_at);
