"""Processes under measurement: started alone, watched, ended."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text[text.rindex(")") + 2 :].split()


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat(int(entry.name))):
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        left.extend(parents.get(one, []))
    return found


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of processes, of all below them, and of those below that have ended."""
    ticks = 0
    for pid in pids:
        for one in tree(pid):
            if fields := stat(one):
                ticks += sum(int(value) for value in fields[11:15])
    return ticks / TICKS


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory of a process: all of it, and what it asked for itself, without the pages of files it maps."""
    whole = own = 0.0
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            whole = int(line.split()[1]) / 1024
        elif line.startswith("RssAnon:"):
            own = int(line.split()[1]) / 1024
    return whole, own


def peak_mb(pid: int) -> float:
    """The most that was resident at one time."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Process:
    """A program that answers at an address when it is ready."""

    def __init__(self, name: str, command: list[str], port: int, ready: str, log: Path, env=None, cwd=None, patience=300):
        self.name, self.port, self.base = name, port, f"http://127.0.0.1:{port}"
        with log.open("w") as out:
            self.child = subprocess.Popen(
                command, stdout=out, stderr=out, env={**os.environ, **(env or {})}, cwd=cwd, start_new_session=True
            )
        self.pid = self.child.pid
        deadline = time.monotonic() + patience
        while True:
            try:
                with urllib.request.urlopen(self.base + ready, timeout=30):
                    return
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    return
            except OSError:
                pass
            if self.child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SystemExit(f"{name} did not start; its log: {log}\n{log.read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self):
        if self.child.poll() is None:
            os.killpg(self.pid, signal.SIGTERM)
            try:
                self.child.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self.child.wait()
