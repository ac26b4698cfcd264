#!/usr/bin/env bash
# Takes the README's pictures anew, into docs/images (below 200 kB each: tidy.rs). Look at them before you commit.
#   BANYAN=path/to/banyan scripts/pictures.sh      (default: the debug build; needs Chromium and a CJK font)
set -euo pipefail
cd "$(dirname "$0")/.."
banyan=${BANYAN:-${CARGO_TARGET_DIR:-target}/debug/banyan}
[ -x "$banyan" ] || { echo "no binary at $banyan: cargo build -p banyan" >&2; exit 1; }
scripts/web.sh
mkdir -p docs/images
node scripts/pictures.mjs "$banyan" docs/images
ls -l docs/images | awk 'NR > 1 { print "· docs/images/" $9, int($5 / 1024) " kB" }'
