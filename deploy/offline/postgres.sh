#!/bin/bash
# The part of the postgres image's contract that docker-compose.yml uses: POSTGRES_PASSWORD, POSTGRES_INITDB_ARGS, scripts
# of /docker-entrypoint-initdb.d once, against a server that listens on its socket only.
set -euo pipefail
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"
    # shellcheck disable=SC2086  # several options in one variable
    initdb --username=postgres --auth-local=trust --auth-host=scram-sha-256 \
        --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") ${POSTGRES_INITDB_ARGS:-}
    printf 'host all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
    pg_ctl --wait --options="-c listen_addresses='' -c unix_socket_directories=/run/postgresql" start
    export PGHOST=/run/postgresql
    for script in /docker-entrypoint-initdb.d/*; do "$script"; done
    pg_ctl --wait --mode=fast stop
fi
exec "$@" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql
