# The steps of the official image that the compose file relies on: a data folder made once, a user and database of the given names,
# scripts of /docker-entrypoint-initdb.d run once on a server without a TCP port, and only then the server that the network sees.
set -euo pipefail
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown -R postgres /var/lib/postgresql /var/run/postgresql
    exec gosu postgres bash "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=${POSTGRES_USER:-postgres}
    name=${POSTGRES_DB:-$user}
    printf '%s' "$POSTGRES_PASSWORD" > /tmp/pw
    initdb --username="$user" --pwfile=/tmp/pw --encoding=UTF8 --auth=trust > /dev/null
    rm /tmp/pw
    # after the lines by which everybody inside the container is trusted
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl -w -o "-c listen_addresses=''" start > /dev/null
    [ "$name" = postgres ] || createdb -U "$user" "$name"
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
            *.sh) . "$script" ;;
            *.sql) psql -v ON_ERROR_STOP=1 -U "$user" -d "$name" -f "$script" ;;
        esac
    done
    pg_ctl -w -m fast stop > /dev/null
fi
exec "$@" -c listen_addresses='*'
