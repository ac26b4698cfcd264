#!/usr/bin/env bash
# make deny: licences, sources, doubles and banned crates among the dependencies, by cargo-deny and deny.toml.
# Known vulnerabilities too, where BANYAN_ADVISORY_DB names a clone of RustSec's advisory-db: no package registry carries it.
set -euo pipefail
cd "$(dirname "$0")/.."
deny=.venv/bin/cargo-deny
[ -x $deny ] || { echo "make deny needs $deny: run scripts/setup-tests.sh" >&2; exit 1; }
$deny --offline --locked check --hide-inclusion-graph \
    -D unmatched-skip -D unnecessary-skip bans licenses sources
database=${BANYAN_ADVISORY_DB:-}
if [ -n "$database" ]; then
    # cargo-deny knows the database by its address; git is told to find that address in the clone.
    export GIT_CONFIG_COUNT=1
    export GIT_CONFIG_KEY_0="url.file://$(realpath "$database").insteadOf"
    export GIT_CONFIG_VALUE_0=https://github.com/rustsec/advisory-db
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    # The place of its own copy stands in the file of settings, which is therefore copied.
    sed "s|^\[advisories\]|&\ndb-path = \"$folder\"|" deny.toml >"$folder/deny.toml"
    $deny --locked --config "$folder/deny.toml" check advisories
    echo "· advisories as of $(git -C "$database" log -1 --format=%cs)"
else
    echo "· advisories NOT looked at: set BANYAN_ADVISORY_DB to a clone of github.com/rustsec/advisory-db" >&2
fi
