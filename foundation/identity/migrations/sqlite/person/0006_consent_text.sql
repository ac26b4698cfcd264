-- What persons agreed to, word for word (JSON): packages may say something else since.
CREATE TABLE consent_text (
    purpose TEXT NOT NULL,
    version BIGINT NOT NULL,
    told TEXT NOT NULL,
    PRIMARY KEY (purpose, version)
);
