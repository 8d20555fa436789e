#!/bin/sh
# Replace the containers of services, new ones first, so that no request is lost: sh deploy/compose/roll.sh api worker
# As many new containers are started as there are old ones; when all are healthy, the old ones are stopped one after another. If a
# new one doesn't become healthy within WAIT_S seconds, the new ones are removed, the old ones stay, and the status is 1.
set -eu
wait_s=${WAIT_S:-300}

is_healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$1")" = healthy ]; }

for service; do
    old=$(docker compose ps -q "$service")
    [ -n "$old" ] || { echo "no container of $service runs" >&2; exit 1; }
    count=$(echo "$old" | wc -l)
    docker compose up -d --no-build --no-deps --no-recreate --scale "$service=$((count * 2))" "$service"
    new=$(docker compose ps -q "$service" | grep -vxF "$old")
    end=$(($(date +%s) + wait_s))
    for container in $new; do
        until is_healthy "$container"; do
            if [ "$(date +%s)" -ge "$end" ]; then
                echo "a new container of $service isn't healthy after $wait_s s: the old ones stay" >&2
                docker logs --tail 20 "$container" >&2
                echo "$new" | xargs docker rm -fv > /dev/null
                exit 1
            fi
            sleep 0.5
        done
    done
    for container in $old; do
        docker stop "$container" > /dev/null
        docker rm -v "$container" > /dev/null
    done
    echo "$service: $count replaced"
done
