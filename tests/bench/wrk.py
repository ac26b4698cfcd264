"""One load generator for all: wrk."""

import json
import os
import random
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from machine import cpu_seconds

SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass
class Figures:
    rate: float
    cpu_rate: float
    p50: float
    p95: float
    p99: float
    generator: float

    def json(self):
        return {name: round(value, 3) for name, value in asdict(self).items()}


def run(base: str, requests: list[str], folder: Path, pids: list[int], seconds: int, clients: int, token=None) -> Figures:
    """Requests a second, those per second of processor time of `pids`, latencies in milliseconds, and the generator's share of a
    processor. Each request is `METHOD\\tPATH[\\tBODY]`."""
    file = folder / "requests.txt"
    file.write_text("\n".join(requests) + "\n", encoding="utf-8")
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s", "-s", str(SCRIPT)]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    # Prefixes make the keys of what is created unlike those of any other run.
    command += [base, "--", str(file), f"W{random.SystemRandom().randrange(36**4):x}-"]
    before = cpu_seconds(pids)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        out = child.stdout.read()
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
    used = cpu_seconds(pids) - before
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(f"wrk said nothing of use: {out}")
    told = json.loads(lines[-1])
    if told["bad"] or told["broken"] or not told["requests"]:
        raise SystemExit(f"requests failed: {told}; the first was {requests[0]}")
    rate = told["requests"] / told["seconds"]
    own = (usage.ru_utime + usage.ru_stime) / told["seconds"]
    return Figures(rate, told["requests"] / max(used, 0.01), told["p50"], told["p95"], told["p99"], own)
