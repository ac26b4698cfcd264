#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: PostgreSQL, Chromium, fonts, OpenSSL, outside clients in a venv.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=()
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages+=(postgresql)
command -v chromium >/dev/null || packages+=(chromium)
# Not grep -q: it would end fc-list early, which pipefail takes for a failure.
[ -n "$(fc-list 2>/dev/null | grep -i 'noto.*cjk')" ] || packages+=(fonts-noto-cjk fontconfig)
command -v openssl >/dev/null || packages+=(openssl)
command -v python3 >/dev/null || packages+=(python3 python3-venv)
if [ ${#packages[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "· installing ${packages[*]}"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq >/dev/null
        apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    else
        echo "!! missing and not installable without root: ${packages[*]} — the tests that need them will say SKIPPED" >&2
    fi
fi
for clients in tests/clients/sign-in tests/clients/form-js; do
    if ! cmp -s $clients/package-lock.json $clients/node_modules/package-lock.json; then
        echo "· installing the outside clients of $clients (npm)"
        (cd $clients && npm ci --silent --ignore-scripts --no-audit --no-fund && cp package-lock.json node_modules/)
    fi
done
if ! [ -x .venv/bin/python ] || ! cmp -s tests/clients/requirements.txt .venv/requirements.txt; then
    echo "· installing the outside clients (Python)"
    python3 -m venv .venv
    .venv/bin/pip install -q --disable-pip-version-check -r tests/clients/requirements.txt
    cp tests/clients/requirements.txt .venv/requirements.txt
fi
