#!/usr/bin/env bash
# A private PostgreSQL for tests, in a folder of its own, as a user that is not root, on a free loopback port.
#   scripts/postgres.sh start FOLDER   prints the URL     scripts/postgres.sh stop FOLDER
set -euo pipefail
verb=$1 folder=$2
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
[ -n "$bin" ] || bin=$(dirname "$(command -v pg_ctl 2>/dev/null || echo /nowhere/pg_ctl)")
as_user() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/bash -c "$*"; else bash -c "$*"; fi; }
case $verb in
start)
    [ -x "$bin/initdb" ] || { echo "no PostgreSQL server found" >&2; exit 1; }
    mkdir -p "$folder"
    [ "$(id -u)" = 0 ] && chown postgres "$folder"
    port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
    as_user "$bin/initdb -D $folder/data -U banyan -A trust -E UTF8 --locale=C" >/dev/null
    # Tests make and drop hundreds of databases: durability of this server is not what they test, except the
    # kill -9 tests, which kill Banyan and not PostgreSQL.
    as_user "$bin/pg_ctl -D $folder/data -w -l $folder/log -o '-p $port -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories=$folder -c max_connections=400 -c fsync=off' start" >/dev/null
    echo "postgres://banyan@127.0.0.1:$port/postgres"
    ;;
stop) as_user "$bin/pg_ctl -D $folder/data -m immediate stop" >/dev/null 2>&1 || true ;;
esac
