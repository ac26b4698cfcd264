"""Whether a server keeps what its /openapi.json promises, by schemathesis: data as promised, and data that breaks the promise.

    python tests/clients/contract.py URL NAME=TOKEN …      an empty TOKEN: without sign-in

As each reader, every operation that the description shows to him: never a 5xx, only the statuses, types, headers and bodies
that stand there, what breaks the schema refused, a method that is not there refused, a header that must be sent missed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

# What schemathesis does not know, or knows otherwise.
SETTINGS = """
[checks]
# Passwords, references, CQL2 texts and working days are judged by more than a schema can say.
positive_data_acceptance.enabled = false
# It would send the token all the same; tests/it/attacks asks every operation without one.
ignored_auth.enabled = false
# Each reader is shown what he may use; Allow says what the address takes.
allow_header_conformance.enabled = false

[checks.missing_required_header]
# RFC 6585: a write without If-Match is 428.
expected-statuses = [400, 401, 403, 404, 406, 415, 422, 428]

# Fields are read as tables hold them: a number for a text, "1,000" for a number, "a;b" for a list.
[[operations]]
include-path-regex = "^/v1/records/"
include-method = ["POST", "PATCH"]
checks.negative_data_rejection.enabled = false
"""

# What may end the caller's own standing, or take away what the others are asked about: asked last.
LAST = [
    "account.update",
    "account.reset_password",
    "account.reset_second_factor",
    "account.revoke_token",
    "package.apply",
    "package.remove",
    "password.change",
    "session.delete",
    "session.end",
    "session.end_all",
    "session.end_others",
    "token.revoke",
]


def run(url: str, name: str, token: str, only: list[str], without: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        settings = Path(folder) / "schemathesis.toml"
        settings.write_text(SETTINGS)
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run", f"{url}/openapi.json"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "4"),
            *("--mode", "all", "--workers", "1", "--seed", "20221124", "--continue-on-failure", "--no-shrink"),
            *("--warnings", "off", "--request-timeout", "20", "--suppress-health-check", "all"),
            *("--generation-database", "none", "--report", "json", "--report-json-path", str(report)),
        ]
        if token:
            command += ["--header", f"Authorization: Bearer {token}"]
        for one in only:
            command += ["--include-operation-id", one]
        for one in without:
            command += ["--exclude-operation-id", one]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            print(done.stdout)
            print(f"FAIL {name}")
            return 1
        told = json.loads(report.read_text())
        cases, tested = told["test_cases"]["generated"], told["operations"]["tested"]
        print(f"{name}: {tested} operations, {cases} requests, {told['running_time']:.0f} s, no fault")
        # A description that shows nothing would be kept by any server.
        assert tested >= (len(only) or 60) and cases > 10 * tested, told
    return 0


def main(url: str, *readers: str) -> int:
    failed = 0
    for reader in readers:
        name, token = reader.split("=", 1)
        failed += run(url, name, token, [], LAST)
        if token:
            standing = httpx.get(f"{url}/v1/session", headers={"Authorization": f"Bearer {token}"})
            assert standing.status_code == 200, f"{name} was signed out on the way: {standing.text}"
    for reader in readers:
        name, token = reader.split("=", 1)
        if token:
            failed += run(url, f"{name}, last", token, LAST, [])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
