#!/bin/sh
# Makes the secrets that docker-compose.yml asks for and .env does not have yet, and keeps the choice of the store.
# .env is read by docker compose itself and is never committed. Without it the data cannot be opened: back it up.
set -eu
cd "$(dirname "$0")/../.."
umask 077
env=${ENV_FILE:-.env}
touch "$env"

kept=$(sed -n 's/^STORE=//p' "$env")
store=${STORE:-${kept:-kurrentdb}}
if [ -n "$kept" ] && [ "$store" != "$kept" ]; then
    echo "the events are in $kept; another store begins with an empty one: make down DATA=gone, rm $env, make up" >&2
    exit 2
fi
case $store in
    kurrentdb) url='kurrentdb://kurrentdb:2113?tls=false' ;;
    postgres) url= ;;
    *) echo "STORE is kurrentdb or postgres" >&2; exit 2 ;;
esac
[ -n "$kept" ] || printf 'STORE=%s\nSTORE_URL=%s\nCOMPOSE_PROFILES=%s\n' "$store" "$url" "$store" >> "$env"

# Required variables of the file: ${NAME:?}
sed -nE 's/\$\{([A-Z_]+):\?\}/\n\1\n/gp' docker-compose.yml | grep -xE '[A-Z_]+' | sort -u | while read -r name; do
    grep -q "^$name=" "$env" && continue
    case $name in
        *_KEY) value=$(head -c 32 /dev/urandom | base64) ;;
        *) value=$(head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n') ;;
    esac
    printf '%s=%s\n' "$name" "$value" >> "$env"
done
