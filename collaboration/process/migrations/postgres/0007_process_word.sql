CREATE TABLE process_word (
    word TEXT COLLATE "C" NOT NULL,
    task TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (word, task)
);
CREATE INDEX process_word_task ON process_word (task);
