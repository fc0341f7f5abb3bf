# Sourced by up.sh and down.sh.
# shellcheck shell=bash disable=SC2034
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kabinet
state=build/offline
# Debian's own client builds with BuildKit without a plugin; a newer one in the path may not.
docker=/usr/bin/docker

compose() {
    local command=("$docker" compose)
    "$docker" compose version >/dev/null 2>&1 || command=("$cache/docker-compose/docker-compose")
    "${command[@]}" --env-file "$state/env" --file docker-compose.yml --file deploy/compose/clock.yml \
        --file deploy/offline/compose.yml "$@"
}
