CREATE TABLE process_word (
    word TEXT NOT NULL,
    task TEXT NOT NULL,
    PRIMARY KEY (word, task)
) WITHOUT ROWID;
CREATE INDEX process_word_task ON process_word (task);
