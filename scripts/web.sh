#!/usr/bin/env bash
# Builds the desk into web/dist if it is older than its sources.
set -euo pipefail
cd "$(dirname "$0")/../web"
stamp=dist/.built
if [ -f "$stamp" ] && [ -z "$(find src public index.html package-lock.json vite.config.ts -newer "$stamp" -print -quit 2>/dev/null)" ]; then
    echo "· desk is up to date"
    exit 0
fi
if ! [ -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    echo "· installing the desk's packages (npm ci)"
    npm ci --no-audit --no-fund --loglevel=error
fi
echo "· building the desk"
npm run --silent build
touch "$stamp"
