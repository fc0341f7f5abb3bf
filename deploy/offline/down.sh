#!/bin/bash
# Ends what up.sh started; DATA=gone also removes the volumes.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/offline/settings.sh
source deploy/offline/settings.sh
options=()
[ "${DATA:-}" != gone ] || options=(--volumes)
compose down --timeout 30 "${options[@]}"
if [ -f "$state/dockerd.pid" ]; then
    kill "$(cat "$state/dockerd.pid")" 2>/dev/null || true
    rm "$state/dockerd.pid"
fi
