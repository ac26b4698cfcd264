#!/usr/bin/env bash
# make run: builds what is missing and runs Banyan on the embedded defaults with the first packages and their real data.
# The clock runs in 2022, the year of the plan, so that lights and reminders mean something.
set -euo pipefail
cd "$(dirname "$0")/.."
need() { command -v "$1" >/dev/null || { echo "make run needs $1: $2" >&2; exit 1; }; }
need cargo "install Rust 1.95 or newer"
need node "install Node 20"
need cc "install a C compiler (Debian: apt-get install build-essential)"
started=$SECONDS
scripts/web.sh
echo "· building the server (a first build takes some minutes; later ones seconds)"
cargo build --release -p banyan
echo "· built in $((SECONDS - started)) s"
command -v psql >/dev/null || echo "· PostgreSQL is not on this machine: Banyan runs on its embedded SQLite database"
exec "${CARGO_TARGET_DIR:-target}/release/banyan" serve --demo --year 2022 \
    --apply apps/0-base --apply apps/1.0-work-points --apply apps/1.1-petitions \
    --apply apps/1.3-egov-projects "$@"
