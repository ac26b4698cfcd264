#!/usr/bin/env bash
# Decisions one by one and over columns, beside openfisca-core. Its venv is its own (target/bench-decision).
set -euo pipefail
cd "$(dirname "$0")/.."
cargo run --release -p banyan-rule --example decision_bench
venv="${CARGO_TARGET_DIR:-target}/bench-decision"
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet -r tests/bench/decision-requirements.txt
fi
"$venv/bin/python" tests/bench/decision.py 1000000
