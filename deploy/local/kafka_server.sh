#!/bin/bash
# Becomes a Kafka broker that is its own controller, on loopback only: kafka_server.sh DIRECTORY PORT CONTROLLER_PORT
# [SETTING=VALUE...]. Its data is in DIRECTORY, which is made if it is new. A setting is a line of server.properties
# that takes the place of one below. Before it: deploy/local/kafka.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

LIB=build/kafka/lib
directory=$1 port=$2 controller_port=$3
shift 3
properties=$directory/server.properties

# One node cannot hold more than one replica. Less of everything that a large installation has many of: the broker is
# ready sooner. After a kill it waits until its former session is over. The last of two equal keys holds.
write_properties() {
    printf '%s\n' \
        process.roles=broker,controller node.id=1 \
        "listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port" \
        controller.listener.names=CONTROLLER "controller.quorum.voters=1@127.0.0.1:$controller_port" \
        listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL \
        inter.broker.listener.name=PLAINTEXT "log.dirs=$directory/data" \
        {offsets.topic,transaction.state.log,share.coordinator.state.topic}.replication.factor=1 \
        {transaction.state.log,share.coordinator.state.topic}.min.isr=1 \
        {offsets.topic,transaction.state.log,share.coordinator.state.topic}.num.partitions=4 \
        group.initial.rebalance.delay.ms=0 broker.session.timeout.ms=3000 broker.heartbeat.interval.ms=500 \
        log.cleaner.dedupe.buffer.size=8388608 "$@" >"$properties"
}

# INFO of Kafka is 2,000 lines at each start.
java=(java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$LIB/*"
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS")

mkdir -p "$directory"
write_properties "$@"
if [ ! -f "$directory/data/meta.properties" ]; then
    "${java[@]}" kafka.tools.StorageTool format -t dGFsbHktZGV2LXN0YWNrLg -c "$properties" >&2
fi
exec "${java[@]}" kafka.Kafka "$properties"
