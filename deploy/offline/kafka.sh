#!/bin/bash
# The part of apache/kafka's contract that docker-compose.yml uses: properties from /mnt/shared/config, CLUSTER_ID.
set -euo pipefail
properties=/mnt/shared/config/server.properties
read -ra heap <<< "${KAFKA_HEAP_OPTS:-}"
java=(java "${heap[@]}" -XX:+UseSerialGC -Dlog4j2.level=WARN -cp "/opt/kafka/libs/*")
"${java[@]}" kafka.tools.StorageTool format --ignore-formatted --cluster-id "$CLUSTER_ID" --config "$properties"
exec "${java[@]}" kafka.Kafka "$properties"
