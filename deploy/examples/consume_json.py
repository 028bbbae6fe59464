"""Prints each event of a topic once, values being JSON: consume_json.py BOOTSTRAP TOPIC [IDLE_SECONDS]

Reads from the start, and ends when nothing has come for IDLE_SECONDS (60). Needs confluent-kafka.
proto/EVENTS.md explains it.
"""

import json
import sys

from confluent_kafka import Consumer, KafkaException

bootstrap, topic, idle = [*sys.argv[1:], "60"][:3]
settings = {"bootstrap.servers": bootstrap, "group.id": "example-json"}
consumer = Consumer({**settings, "auto.offset.reset": "earliest", "enable.auto.commit": False})
consumer.subscribe([topic])
last = {}  # of each counter, the greatest event_id
while (message := consumer.poll(float(idle))) is not None:
    if message.error():
        raise KafkaException(message.error())
    event = json.loads(message.value())
    store, *place = event["event_id"].split("-")
    counter = (store, event["resource_id"], event["counter_type"])
    place = [int(number) for number in place]
    if place > last.get(counter, []):
        last[counter] = place
        print(event["event_id"], *counter[1:], event["delta"], event["value"], flush=True)
consumer.close()
