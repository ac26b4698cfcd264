#!/usr/bin/env bash
# make test: everything that must pass, cheapest first, stopping at the first failure. Installs what it needs.
set -euo pipefail
cd "$(dirname "$0")/.."
need() { command -v "$1" >/dev/null || { echo "make test needs $1: $2" >&2; exit 1; }; }
need cargo "install Rust 1.95 or newer"
need node "install Node 20"
step() { printf '\n== %s (%s min)\n' "$1" "$((SECONDS / 60))"; }

step "setting up"
scripts/setup-tests.sh
step "format"
cargo fmt --all --check
step "lints"
cargo clippy --workspace --all-targets -- -D warnings

step "the supply chain"
if [ -x .venv/bin/python ]; then
    scripts/deny.sh
    .venv/bin/python scripts/sbom.py
elif [ -n "${CI:-}" ]; then
    echo "no .venv: CI must have it" >&2
    exit 1
else
    echo "!!!! SKIPPED: no .venv; dependencies are not looked at" >&2
fi

step "the desk"
scripts/web.sh
(cd web && npm run --silent check && npm test --silent)

if [ -z "${BANYAN_TEST_POSTGRES:-}" ]; then
    folder=$(mktemp -d)
    chmod 755 "$folder"
    trap 'scripts/postgres.sh stop "$folder"; rm -rf "$folder"' EXIT
    if url=$(scripts/postgres.sh start "$folder"); then
        export BANYAN_TEST_POSTGRES=$url
    elif [ -n "${CI:-}" ]; then
        echo "no PostgreSQL: CI must have it" >&2
        exit 1
    else
        echo "!!!! SKIPPED: no PostgreSQL server here; its half of the tests does not run" >&2
    fi
fi
step "tests on both databases"
cargo build --workspace --all-targets
cargo test --workspace --no-fail-fast
step "packages"
"${CARGO_TARGET_DIR:-target}/debug/banyan" check apps/*-*/
step "browser"
(cd web && BANYAN="$(cd .. && realpath "${CARGO_TARGET_DIR:-target}")/debug/banyan" npm run --silent e2e)
step "done"
