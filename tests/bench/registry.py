"""The registry's benchmark: `make bench-registry` (all of it) or `scripts/bench-registry.sh --small` (a proof that it runs)."""

import argparse
import datetime
import json
import os
import platform
import random
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import data
import report
import servers
import wrk
from machine import cpu_seconds, memory_mb, peak_mb
from servers import ITEMS, LIST, Postgres, Store

CLIENTS = 16


def say(text: str):
    print(f"· {datetime.datetime.now():%H:%M:%S} {text}", flush=True)


def quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


class Requests:
    """What is asked, the same of every server: chosen once by a seeded chance."""

    def __init__(self, world: data.World, ids: list[str], as_of: str):
        chance = random.Random(data.SEED + 2)
        self.boxes = []
        for _ in range(400):
            x, y = world.centres[chance.choice(world.counties)]
            x, y = chance.gauss(x, 0.05), chance.gauss(y, 0.05)
            self.boxes.append(f"{x:.4f},{y:.4f},{x + 0.05:.4f},{y + 0.05:.4f}")
        counties = sorted({village[3] for village in world.villages})
        self.counties = [chance.choice(counties) for _ in range(400)]
        self.words = [chance.choice(world.villages)[2] for _ in range(400)]
        self.ids, self.as_of = ids, as_of

    def features(self, items: str, extra: str = "") -> dict[str, list[str]]:
        """The measures of OGC items, by name."""
        get = lambda tail: f"GET\t{items}{tail}"
        return {
            "items, page of 10": [get(f"?limit=10{extra}")],
            "items, page of 100": [get(f"?limit=100{extra}")],
            "items, bbox": [get(f"?bbox={box}&limit=10{extra}") for box in self.boxes],
            "items, property": [get(f"?county={county}&limit=10{extra}") for county in self.counties],
            "single item": [get(f"/{one}{extra.replace('&', '?', 1)}") for one in self.ids],
        }

    def records(self) -> dict[str, tuple[int, list[str]]]:
        """Banyan's own reads: clients and requests."""
        # Pages that are full at either size: speed is compared, not emptiness.
        filters = [quoted(f"county = '{county}' AND opened >= DATE('2000-01-01')") for county in self.counties]
        near = [quoted(f"county = '{county}'") for county in self.counties]
        return {
            "record by id": (CLIENTS, [f"GET\t{LIST}/{one}" for one in self.ids]),
            "filtered page": (4, [f"GET\t{LIST}?filter={one}&sortby=-opened&limit=20" for one in filters]),
            "filtered page with count": (4, [f"GET\t{LIST}?filter={one}&sortby=-opened&limit=20&count=1" for one in filters]),
            "full text": (4, [f"GET\t{LIST}?q={quoted(word)}&limit=10" for word in self.words]),
            "as of": (4, [f"GET\t{LIST}?as_of={self.as_of}&filter={one}&sortby=-opened&limit=20" for one in near]),
        }

    def creates(self) -> list[str]:
        bodies = []
        for record in self.sample:
            fields = {name: value for name, value in record.items() if value}
            fields["code"] = "@@"
            fields["invested"] = int(float(record["invested"]) * 100)
            fields["place"] = json.loads(record["place"])
            body = json.dumps({"fields": fields}, ensure_ascii=False, separators=(",", ":"))
            bodies.append(f"POST\t{LIST}\t{body}")
        return bodies


def answer(base: str, request: str) -> dict:
    with urllib.request.urlopen(base + request.split("\t")[1], timeout=120) as got:
        return json.loads(got.read())


def same(measure: str, asked: dict[str, tuple[str, list[str]]]):
    """Refuses to compare servers that answer differently."""
    for index in range(3):
        told = {}
        for name, (base, requests) in asked.items():
            body = answer(base, requests[index % len(requests)])
            told[name] = (body.get("numberReturned", body.get("id")), body.get("numberMatched"))
        ours = told["banyan"]
        for name, theirs in told.items():
            counted = ours[1] is None or theirs[1] is None or ours[1] == theirs[1]
            if ours[0] != theirs[0] or not counted:
                raise SystemExit(f"{measure}: the answers differ: {told}")


def export_rate(server, form: str, least: float, pids: list[int]) -> dict:
    """Rows a second, and a processor's second, of whole exports, one after another for at least some seconds."""
    started, rows, before = time.monotonic(), 0, cpu_seconds(pids)
    while time.monotonic() - started < least:
        request = urllib.request.Request(
            f"{server.base}{LIST}/export?format={form}", headers={"Authorization": f"Bearer {server.token}"}
        )
        with urllib.request.urlopen(request, timeout=600) as out:
            while piece := out.read(1 << 20):
                rows += piece.count(b"\n")
    seconds, used = time.monotonic() - started, cpu_seconds(pids) - before
    return {"rate": round(rows / seconds), "cpu_rate": round(rows / max(used, 0.01))}


def measure_banyan(store: Store, args, pids, make) -> dict:
    """All measures on one database of one size."""
    found: dict = {"made": store.made, "measures": {}}
    server = store.serve()
    try:
        pids = [server.pid, *pids]
        time.sleep(3)
        found["idle_mb"], found["idle_own_mb"] = memory_mb(server.pid)
        page = server.ask("GET", f"{LIST}?limit=1000&sortby=-code")["items"]
        asked = make([item["id"] for item in page])

        def one(name, requests, clients, token=None):
            wrk.run(server.base, requests, args.work, pids, 1, clients, token)
            figures = wrk.run(server.base, requests, args.work, pids, args.seconds, clients, token)
            found["measures"][name] = figures.json()
            say(f"  {name}: {figures.rate:.0f}/s, {figures.cpu_rate:.0f} per CPU second, p95 {figures.p95:.1f} ms")

        for name, requests in asked.features(ITEMS).items():
            one(name, requests, CLIENTS)
        for name, (clients, requests) in asked.records().items():
            one(name, requests, clients, server.token)
        for form in ("csv", "jsonl"):
            told = export_rate(server, form, args.seconds / 2, pids)
            found["measures"][f"export {form}, rows"] = told
            say(f"  export {form}: {told['rate']} rows/s, {told['cpu_rate']} per CPU second")
        found["memory_mb"], found["own_mb"] = memory_mb(server.pid)
        found["peak_mb"] = peak_mb(server.pid)
        say(f"  memory: idle {found['idle_mb']:.0f} MB, after {found['memory_mb']:.0f}, peak {found['peak_mb']:.0f}")
    finally:
        server.stop()
    server = store.serve(copy=True)
    try:
        pids = [server.pid, *pids[1:]]
        for clients in (1, 32):
            name = f"create, {clients} client{'s' if clients > 1 else ''}"
            wrk.run(server.base, asked.creates(), args.work, pids, 1, clients, server.token)
            figures = wrk.run(server.base, asked.creates(), args.work, pids, args.seconds, clients, server.token)
            found["measures"][name] = figures.json()
            say(f"  {name}: {figures.rate:.0f}/s, {figures.cpu_rate:.0f} per CPU second, p95 {figures.p95:.1f} ms")
    finally:
        server.stop()
        store.drop_copy()
    return found


def measure_peers(store: Store, postgres: Postgres, args, make) -> dict:
    """The peers on the same records, each alone; first all are asked whether they say the same."""
    name, found = f"peers_{store.records}", {}
    ours = store.serve()
    try:
        servers.peer_table(postgres, name, ours, store.records, args.work)
        page = ours.ask("GET", f"{LIST}?limit=1000&sortby=-code")["items"]
        asked = make([item["id"] for item in page])
        paths = {
            "pygeoapi": (servers.pygeoapi, asked.features("/collections/site/items", "&f=json")),
            "tipg": (servers.tipg, asked.features("/collections/public.site/items", "&f=geojson")),
        }
        for peer, (start, measures) in paths.items():
            server = start(args.venv, postgres, name, args.work)
            try:
                for measure, requests in measures.items():
                    both = {"banyan": (ours.base, asked.features(ITEMS)[measure]), peer: (server.base, requests)}
                    same(f"{measure}, {peer}", both)
            finally:
                server.stop()
    finally:
        ours.stop()
    for peer, (start, measures) in paths.items():
        server = start(args.venv, postgres, name, args.work)
        found[peer] = {}
        try:
            pids = [server.pid, postgres.pid]
            for measure, requests in measures.items():
                wrk.run(server.base, requests, args.work, pids, 2, CLIENTS)
                figures = wrk.run(server.base, requests, args.work, pids, args.seconds, CLIENTS)
                found[peer][measure] = figures.json()
                say(f"  {peer}, {measure}: {figures.rate:.0f}/s, {figures.cpu_rate:.0f} per CPU second, p95 {figures.p95:.1f} ms")
        finally:
            server.stop()
    return found


def versions(args, postgres: Postgres | None) -> dict:
    told = subprocess.run([args.venv / "bin/pip", "list", "--format", "json"], capture_output=True, text=True, check=True)
    packages = {one["name"].lower(): one["version"] for one in json.loads(told.stdout)}
    found = {name: packages[name] for name in ("pygeoapi", "tipg", "gunicorn", "gevent", "uvicorn")}
    found["python"] = platform.python_version()
    if postgres:
        found["postgresql"] = postgres.sql("SHOW server_version")
    named = subprocess.run([args.binary, "--version"], capture_output=True, text=True, check=True)
    found["banyan"] = named.stdout.strip()
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=servers.ROOT, check=False)
    found["commit"] = head.stdout.strip()
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="10 k and 50 k records, some seconds a measure")
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="for data, logs and figures")
    parser.add_argument("--seconds", type=int, help="how long each measure lasts")
    parser.add_argument("--sizes", help="records, small then large, e.g. 10000,1000000")
    parser.add_argument("--only", choices=["sqlite", "postgres"], help="one database only; the peers come with PostgreSQL")
    args = parser.parse_args()
    args.seconds = args.seconds or (2 if args.small else 8)
    sizes = [int(size) for size in (args.sizes or ("10000,50000" if args.small else "10000,1000000")).split(",")]
    args.work = args.folder / "work"
    args.work.mkdir(parents=True, exist_ok=True)
    world = data.World(servers.ROOT / "apps/0-base/seeds/01-region.csv")
    postgres = Postgres(args.folder / "postgres") if args.only != "sqlite" else None
    figures: dict = {
        "date": f"{datetime.date.today()}",
        "machine": {"processors": os.cpu_count(), "system": platform.release()},
        "sizes": sizes, "seconds": args.seconds, "clients": CLIENTS,
        "versions": versions(args, postgres), "banyan": {}, "peers": {},
    }
    sample = list(world.records(200))
    kind = f"-{args.only}" if args.only else ""
    out = args.folder / f"registry{'-small' if args.small else ''}{kind}.json"
    try:
        for database in ("sqlite", "postgres"):
            if args.only and args.only != database:
                continue
            held = postgres if database == "postgres" else None
            for size in sizes:
                store = Store(args.binary, args.folder, held, size)
                say(f"Banyan on {database}, {size} records: loading")
                store.ready(world, say)

                def make(ids):
                    asked = Requests(world, ids, store.made["as_of"])
                    asked.sample = sample
                    return asked

                pids = [held.pid] if held else []
                figures["banyan"].setdefault(database, {})[str(size)] = measure_banyan(store, args, pids, make)
                if database == "postgres":
                    say(f"peers, {size} records")
                    figures["peers"][str(size)] = measure_peers(store, postgres, args, make)
                # What was found stands even if the rest fails.
                out.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n")
    finally:
        if postgres:
            postgres.stop()
    print(report.text(figures))
    print(f"figures: {out}")


if __name__ == "__main__":
    main()
