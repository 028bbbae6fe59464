#!/bin/bash
# What the stand-in for the image apache/kafka runs: as there, each KAFKA_ variable is a setting of the broker, written
# into /opt/kafka/config, and new data is made for CLUSTER_ID.
set -euo pipefail

properties=/opt/kafka/config/server.properties
# shellcheck disable=SC2206 # options, one a word
java=(java $KAFKA_HEAP_OPTS -cp "/opt/kafka/libs/*" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)
unset KAFKA_HEAP_OPTS

for variable in "${!KAFKA_@}"; do
    setting=${variable#KAFKA_}
    setting=${setting,,}
    echo "${setting//_/.}=${!variable}"
done >"$properties"
"${java[@]}" kafka.tools.StorageTool format --ignore-formatted -t "$CLUSTER_ID" -c "$properties"
exec "${java[@]}" kafka.Kafka "$properties"
