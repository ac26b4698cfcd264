#!/usr/bin/env bash
# A private PostgreSQL for tests, in a folder of its own, as a user that is not root, on a free loopback port.
#   scripts/postgres.sh start FOLDER [durable]   prints the URL     scripts/postgres.sh stop FOLDER
# What a folder holds from before is kept. `durable` is for measuring: commits reach the disk, memory as a server has it.
set -euo pipefail
verb=$1 folder=$2 kind=${3:-tests}
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
[ -n "$bin" ] || bin=$(dirname "$(command -v pg_ctl 2>/dev/null || echo /nowhere/pg_ctl)")
as_user() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/bash -c "$*"; else bash -c "$*"; fi; }
case $verb in
start)
    [ -x "$bin/initdb" ] || { echo "no PostgreSQL server found" >&2; exit 1; }
    mkdir -p "$folder"
    [ "$(id -u)" = 0 ] && chown postgres "$folder"
    port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
    [ -e "$folder/data/PG_VERSION" ] || as_user "$bin/initdb -D $folder/data -U banyan -A trust -E UTF8 --locale=C" >/dev/null
    # Tests make and drop hundreds of databases: durability of this server is not what they test, except the
    # kill -9 tests, which kill Banyan and not PostgreSQL.
    settings="-c max_connections=400 -c fsync=off"
    [ "$kind" = durable ] && settings="-c max_connections=100 -c shared_buffers=1GB -c effective_cache_size=4GB \
        -c random_page_cost=1.1 -c max_wal_size=4GB -c checkpoint_timeout=15min"
    as_user "$bin/pg_ctl -D $folder/data -w -l $folder/log -o '-p $port -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories=$folder $settings' start" >/dev/null
    echo "postgres://banyan@127.0.0.1:$port/postgres"
    ;;
stop) as_user "$bin/pg_ctl -D $folder/data -m fast -t 20 stop || $bin/pg_ctl -D $folder/data -m immediate stop" >/dev/null 2>&1 || true ;;
esac
