#!/usr/bin/env bash
# Process instances a CPU-second on durable state, beside SpiffWorkflow (its own venv, target/bench-process) and bpmn-engine
# (npm, the same folder); then beside 1 M finished and 100 k running instances (FINISHED, RUNNING).
set -euo pipefail
cd "$(dirname "$0")/.."
folder="${CARGO_TARGET_DIR:-target}/bench-process"
mkdir -p "$folder"
cargo run --release -p banyan-process --example process_bench
if [ ! -x "$folder/venv/bin/python" ]; then
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install --quiet -r tests/bench/process-requirements.txt
fi
"$folder/venv/bin/python" tests/bench/process_spiff.py tests/bench/process.bpmn three
cp tests/bench/process-engine/package.json tests/bench/process-engine/run.mjs "$folder/"
(cd "$folder" && npm install --silent --ignore-scripts --no-audit --no-fund)
node "$folder/run.mjs" tests/bench/process.bpmn
cargo run --release -p banyan-process --example process_bench -- "${FINISHED:-1000000}" "${RUNNING:-100000}"
