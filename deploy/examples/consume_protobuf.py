"""Prints each event of a topic once, values being protobuf: consume_protobuf.py BOOTSTRAP TOPIC [IDLE_SECONDS]

Reads from the start, and ends when nothing has come for IDLE_SECONDS (60). Needs confluent-kafka,
protobuf and, on PYTHONPATH, what
python3 -m grpc_tools.protoc -Iproto --python_out=DIR tally/v1/event.proto writes to DIR.
proto/EVENTS.md explains it.
"""

import sys

from confluent_kafka import Consumer, KafkaException
from tally.v1.event_pb2 import CounterChanged

bootstrap, topic, idle = [*sys.argv[1:], "60"][:3]
settings = {"bootstrap.servers": bootstrap, "group.id": "example-protobuf"}
consumer = Consumer({**settings, "auto.offset.reset": "earliest", "enable.auto.commit": False})
consumer.subscribe([topic])
last = {}  # of each counter, the greatest event_id
while (message := consumer.poll(float(idle))) is not None:
    if message.error():
        raise KafkaException(message.error())
    event = CounterChanged.FromString(message.value())
    store, *place = event.event_id.split("-")
    counter = (store, event.resource_id, event.counter_type)
    place = [int(number) for number in place]
    if place > last.get(counter, []):
        last[counter] = place
        value = None if event.value_unknown else event.value
        print(event.event_id, *counter[1:], event.delta, value, flush=True)
consumer.close()
