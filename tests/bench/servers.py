"""The servers under measurement, each with its data: Banyan on either database, pygeoapi, tipg."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import copying
import data
from machine import Process, free_port

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = [ROOT / "apps/0-base", ROOT / "tests/bench/package"]
TYPE = "bench.site"
LIST = "/v1/records/bench/site"
ITEMS = f"/ogc/collections/{TYPE}/items"
# Small enough that an import ends well within a job's lease.
ROWS_A_FILE = 20_000
# Beyond so many records PostgreSQL gets its rows from the SQLite store by COPY: its import is measured on fewer.
COPIED = 100_000


class Postgres:
    """One private server, durable (fsync on), for Banyan and for the peers: on loopback, in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        command = [ROOT / "scripts/postgres.sh", "start", folder, "durable"]
        self.url = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        self.port = int(self.url.rsplit(":", 1)[1].split("/")[0])
        self.pid = int((folder / "data/postmaster.pid").read_text().split()[0])

    def database(self, name: str) -> str:
        return self.url.rsplit("/", 1)[0] + "/" + name

    def sql(self, text: str, database: str = "postgres", source=None) -> str:
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.database(database), "-c", text]
        done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=source)
        if done.returncode:
            raise SystemExit(f"PostgreSQL refused: {done.stderr}")
        return done.stdout.strip()

    def databases(self) -> set[str]:
        return set(self.sql("SELECT datname FROM pg_database").split())

    def stop(self):
        subprocess.run([ROOT / "scripts/postgres.sh", "stop", self.folder], check=False)


class Banyan(Process):
    """The release binary with the packages applied; `signed_in` is its keeper's token."""

    def __init__(self, binary: Path, folder: Path, url: str | None):
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "banyan.toml"
        port = free_port()
        lines = ["[server]", f'listen = "127.0.0.1:{port}"', "job_threads = 4", "[store]", f'folder = "{folder}"']
        config.write_text("\n".join(lines + ([f'url = "{url}"'] if url else [])) + "\n")
        command = [str(binary), "--config", str(config), "serve", "--demo"]
        for package in PACKAGES:
            command += ["--apply", str(package)]
        super().__init__("banyan", command, port, "/readyz", folder / "log")
        login = json.dumps({"login": "keeper", "password": "banyan-bench-2022"}).encode()
        request = urllib.request.Request(f"{self.base}/v1/session", login, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            # The session's cookie: its token may also be sent as a bearer's.
            self.token = answer.headers["Set-Cookie"].split(";")[0].split("=", 1)[1]

    def ask(self, method: str, path: str, body=None, kind="application/json"):
        headers = {"Content-Type": kind}
        if token := getattr(self, "token", None):
            headers["Authorization"] = f"Bearer {token}"
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, raw, headers, method=method)
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.loads(answer.read() or b"null")

    def load(self, files, mode="create") -> int:
        """Imports files, up to four at once; returns how many rows were taken."""
        waiting, rows, files = [], 0, iter(files)
        while True:
            while len(waiting) < 4 and (path := next(files, None)):
                started = self.ask("POST", f"{LIST}/imports?mode={mode}", path.read_bytes(), "text/csv")
                path.unlink()
                waiting.append(started["id"])
            if not waiting:
                return rows
            time.sleep(0.3)
            for run in list(waiting):
                now = self.ask("GET", f"/v1/imports/{run}")
                if now["state"] in ("queued", "running"):
                    continue
                if now["state"] != "done" or now["failed"]:
                    raise SystemExit(f"an import failed: {now}")
                rows += now["total"]
                waiting.remove(run)


class Store:
    """A loaded database of Banyan: made once, then kept and copied."""

    def __init__(self, binary: Path, folder: Path, postgres: Postgres | None, records: int):
        self.binary, self.records = binary, records
        self.name = f"banyan_{records}"
        self.folder = folder / f"{'postgres' if postgres else 'sqlite'}-{records}"
        self.postgres = postgres
        self.loaded_in = None

    def url(self, copy: bool = False) -> str | None:
        return self.postgres.database(self.name + ("_copy" if copy else "")) if self.postgres else None

    def ready(self, world: data.World, say):
        """Loads the records through Banyan's own import, then changes one in a hundred, so that there is a history."""
        mark = self.folder / "loaded.json"
        if mark.exists() and (not self.postgres or self.name in self.postgres.databases()):
            self.made = json.loads(mark.read_text())
            say(f"kept from before: {self.made}")
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.postgres:
            self.postgres.sql(f"DROP DATABASE IF EXISTS {self.name}")
            self.postgres.sql(f"CREATE DATABASE {self.name}")
            loaded = self.folder.with_name(f"sqlite-{self.records}")
            if self.records > COPIED and (loaded / "loaded.json").exists():
                Banyan(self.binary, self.folder, self.url()).stop()
                copying.rows(loaded / "banyan.db", self.postgres, self.name, self.folder)
                self.made = {**json.loads((loaded / "loaded.json").read_text()), "rows_a_second": None}
                mark.write_text(json.dumps(self.made))
                say("copied from SQLite")
                return
        server = Banyan(self.binary, self.folder, self.url())
        try:
            started = time.monotonic()
            # Parts of equal size, at least two, so that two writers can be at work.
            rows = min(ROWS_A_FILE, max(self.records // 4, 1))
            count = server.load(world.files(self.records, self.folder, rows))
            seconds = time.monotonic() - started
            moment = server.ask("GET", "/v1/packages")["now"]
            time.sleep(0.05)
            changed = self.folder / "changed.csv"
            with changed.open("w", encoding="utf-8") as file:
                file.write("code,invested\n")
                file.writelines(f"S{number:08d},{number % 900 + 1}.50\n" for number in range(0, self.records, 100))
            server.load([changed], "upsert")
        finally:
            server.stop()
        if self.postgres:
            self.postgres.sql("VACUUM ANALYZE", self.name)
        self.made = {"rows": count, "seconds": round(seconds, 1), "rows_a_second": round(count / seconds), "as_of": moment}
        mark.write_text(json.dumps(self.made))
        say(str(self.made))

    def serve(self, copy: bool = False) -> Banyan:
        """A server on it; on a copy of it for what writes, so that the next run finds the same."""
        folder = self.folder
        if copy:
            folder = self.folder.with_name(self.folder.name + "-copy")
            shutil.rmtree(folder, ignore_errors=True)
            if self.postgres:
                self.postgres.sql(f"DROP DATABASE IF EXISTS {self.name}_copy")
                self.postgres.sql(f"CREATE DATABASE {self.name}_copy TEMPLATE {self.name}")
                folder.mkdir()
            else:
                shutil.copytree(self.folder, folder)
                # What was copied goes to the disk now, not while commits are timed.
                os.sync()
        return Banyan(self.binary, folder, self.url(copy))

    def drop_copy(self):
        shutil.rmtree(self.folder.with_name(self.folder.name + "-copy"), ignore_errors=True)
        if self.postgres:
            self.postgres.sql(f"DROP DATABASE IF EXISTS {self.name}_copy")


TABLE = """
CREATE EXTENSION IF NOT EXISTS postgis;
DROP TABLE IF EXISTS site;
CREATE TABLE site (id TEXT PRIMARY KEY, code TEXT, name TEXT, kind TEXT, county TEXT, address TEXT, opened DATE,
    invested BIGINT, area NUMERIC(12, 2), note TEXT, state TEXT, version BIGINT, created_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ, place GEOMETRY(Point, 4326));
"""
# What a careful owner of that table would give it.
INDEXES = """
CREATE INDEX ON site USING gist (place);
CREATE UNIQUE INDEX ON site (code);
CREATE INDEX ON site (county, kind);
CREATE INDEX ON site (opened);
"""


def peer_table(postgres: Postgres, name: str, banyan: Banyan, records: int, folder: Path):
    """The same records in a PostGIS table, from Banyan's own export."""
    if name not in postgres.databases():
        postgres.sql(f"CREATE DATABASE {name}")
    elif postgres.sql("SELECT to_regclass('site') IS NOT NULL", name) == "t":
        # Kept from before, unless Banyan's records were loaded anew since.
        known = banyan.ask("GET", f"{LIST}?limit=1&sortby=-code")["items"][0]["id"]
        if postgres.sql(f"SELECT COUNT(*), COUNT(*) FILTER (WHERE id = '{known}') FROM site", name) == f"{records}|1":
            return
    postgres.sql(TABLE, name)
    rows = folder / f"{name}.tsv"
    request = urllib.request.Request(
        f"{banyan.base}{LIST}/export?format=jsonl", headers={"Authorization": f"Bearer {banyan.token}"}
    )
    with urllib.request.urlopen(request, timeout=600) as lines, rows.open("w", encoding="utf-8") as out:
        for line in lines:
            record = json.loads(line)
            fields = record["fields"]
            x, y = fields["place"]["coordinates"]
            named = ("code", "name", "kind", "county", "address", "opened", "invested", "area", "note")
            values = [record["id"], *(fields[name] for name in named), record["state"], record["version"]]
            values += [record["created_at"], record["updated_at"], f"SRID=4326;POINT({x} {y})"]
            out.write("\t".join("\\N" if value is None else str(value) for value in values) + "\n")
    with rows.open() as source:
        postgres.sql("COPY site FROM STDIN", name, source)
    rows.unlink()
    postgres.sql(INDEXES, name)
    postgres.sql("VACUUM ANALYZE site", name)


def pygeoapi(venv: Path, postgres: Postgres, name: str, folder: Path) -> Process:
    """Its own container's way (gunicorn, gevent workers) with its PostgreSQL provider."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    config = {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port},
            "url": base,
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "languages": ["en-US"],
            "limits": {"default_items": 10, "max_items": 1000},
            "gzip": False,
            "map": {"url": "https://tile.openstreetmap.org/{z}/{x}/{y}.png", "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": "sites", "description": "sites", "keywords": ["sites"], "keywords_type": "theme",
                "terms_of_service": "none", "url": base,
            },
            "license": {"name": "none", "url": base},
            "provider": {"name": "none", "url": base},
            "contact": {"name": "none", "position": "none", "email": "none@example.org"},
        },
        "resources": {
            "site": {
                "type": "collection", "title": "sites", "description": "sites", "keywords": ["sites"],
                "extents": {"spatial": {"bbox": [data.WEST, data.SOUTH, data.EAST, data.NORTH]}},
                "links": [],
                "providers": [{
                    "type": "feature", "name": "PostgreSQL", "id_field": "id", "table": "site", "geom_field": "place",
                    "data": {
                        "host": "127.0.0.1", "port": postgres.port, "dbname": name, "user": "banyan",
                        "password": "none", "search_path": ["public"],
                    },
                }],
            }
        },
    }
    file, api = folder / "pygeoapi.json", folder / "pygeoapi-openapi.json"
    file.write_text(json.dumps(config))
    env = {"PYGEOAPI_CONFIG": str(file), "PYGEOAPI_OPENAPI": str(api)}
    made = subprocess.run(
        [venv / "bin/pygeoapi", "openapi", "generate", file, "--output-file", api, "--format", "json"],
        env={**os.environ, **env}, capture_output=True, text=True, check=False,
    )
    if made.returncode:
        raise SystemExit(f"pygeoapi refused its configuration: {made.stderr[-2000:]}")
    command = [str(venv / "bin/gunicorn"), "--workers", "2", "--worker-class", "gevent", "--keep-alive", "60"]
    command += ["--bind", f"127.0.0.1:{port}", "pygeoapi.flask_app:APP"]
    return Process("pygeoapi", command, port, "/collections/site?f=json", folder / "pygeoapi.log", env)


def tipg(venv: Path, postgres: Postgres, name: str, folder: Path) -> Process:
    """uvicorn with two workers and its connection pools."""
    port = free_port()
    env = {"DATABASE_URL": postgres.database(name).replace("postgres://banyan@", "postgresql://banyan:none@")}
    command = [str(venv / "bin/uvicorn"), "tipg.main:app", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "2", "--no-access-log", "--log-level", "warning"]
    return Process("tipg", command, port, "/collections/public.site?f=json", folder / "tipg.log", env)
