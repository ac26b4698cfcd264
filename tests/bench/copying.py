"""The records of a loaded SQLite store into PostgreSQL by COPY: the tables as Banyan's own import wrote them, and the search
index that differs."""

import sqlite3
from pathlib import Path

TABLE = "r_bench__site"
SEARCHED = ["f_name", "f_address", "f_note"]


def ideograph(c: str) -> bool:
    return "\u3400" <= c <= "\u4dbf" or "\u4e00" <= c <= "\u9fff"


def tokens(text: str) -> list[str]:
    """As `banyan_base::text::index_tokens` cuts the text of this type: pairs of ideographs, whole words of others."""
    runs: list[str] = []
    for c in text:
        c = chr(ord(c) - 0xFEE0) if "\uff01" <= c <= "\uff5e" else c
        if not c.isalnum():
            runs.append("")
        elif runs and runs[-1] and ideograph(runs[-1][-1]) == ideograph(c):
            runs[-1] += c.lower()
        else:
            runs.append(c.lower())
    found = []
    for run in filter(None, runs):
        if not ideograph(run[0]) or len(run) == 1:
            found.append(run)
        else:
            found += [run[at : at + 2] for at in range(len(run) - 1)] + [run[-1]]
    return found


def cell(value) -> str:
    if value is None:
        return "\\N"
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def rows(source: Path, postgres, database: str, folder: Path):
    store = sqlite3.connect(f"file:{source}?mode=ro", uri=True)
    for table in (TABLE, f"{TABLE}__h"):
        columns = [row[1] for row in store.execute(f"PRAGMA table_info({table})")]
        searched = [columns.index(name) for name in SEARCHED]
        named = columns + (["_fts"] if table == TABLE else [])
        out = folder / "copy.tsv"
        with out.open("w", encoding="utf-8") as file:
            for row in store.execute(f"SELECT {', '.join(columns)} FROM {table}"):
                cells = [cell(value) for value in row]
                if table == TABLE:
                    words = tokens("\n".join(row[at] or "" for at in searched))
                    cells.append(cell(" ".join(f"'{word}':{at}" for at, word in enumerate(words, 1))))
                file.write("\t".join(cells) + "\n")
        with out.open() as file:
            postgres.sql(f"COPY {table} ({', '.join(named)}) FROM STDIN", database, file)
        out.unlink()
        postgres.sql(
            f"SELECT setval(pg_get_serial_sequence('{table}', '_seq'), (SELECT MAX(_seq) FROM {table}))", database
        )
    count = store.execute("SELECT SUM(n) FROM record_count WHERE type = 'bench.site'").fetchone()[0]
    postgres.sql(f"INSERT INTO record_count (type, shard, n) VALUES ('bench.site', 0, {count})", database)
    postgres.sql("VACUUM ANALYZE", database)
