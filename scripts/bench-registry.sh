#!/usr/bin/env bash
# make bench-registry: the registry at 10 k and 1 M records, beside pygeoapi and tipg on the same records, in one run.
#   scripts/bench-registry.sh [--small] [--only sqlite|postgres] [--seconds N] [--sizes 10000,1000000]
# Loaded data is kept under the target folder for the next run; remove its folder `bench` to begin anew.
set -euo pipefail
cd "$(dirname "$0")/.."
need() { command -v "$1" >/dev/null || { echo "bench-registry needs $1: $2" >&2; exit 1; }; }
need python3 "install Python 3.11 with venv"
missing=()
command -v wrk >/dev/null || missing+=(wrk)
command -v psql >/dev/null || missing+=(postgresql)
ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1 || missing+=(postgresql-15-postgis-3)
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "· installing ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq >/dev/null
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    else
        echo "bench-registry needs, and can't install without root: ${missing[*]}" >&2
        exit 1
    fi
fi
target=$(realpath "${CARGO_TARGET_DIR:-target}")
folder=${BANYAN_BENCH_FOLDER:-$target/bench}
mkdir -p "$folder"
binary=${BANYAN_BINARY:-}
if [ -z "$binary" ]; then
    cargo build --release -p banyan
    binary=$folder/banyan
    cp "$target/release/banyan" "$binary"
fi
venv=$folder/venv
if ! cmp -s tests/bench/requirements.txt "$venv/requirements.txt"; then
    echo "· installing the peers"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -r tests/bench/requirements.txt
    cp tests/bench/requirements.txt "$venv/requirements.txt"
fi
exec python3 tests/bench/registry.py --binary "$binary" --venv "$venv" --folder "$folder" "$@"
