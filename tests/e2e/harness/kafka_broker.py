"""A real Kafka broker that is its own controller, with a port and a data directory of its own."""

import os
import shutil
import subprocess
from dataclasses import dataclass

import confluent_kafka as kafka
import pytest
from confluent_kafka import admin

from harness.paths import ROOT
from harness.ports import free_port
from harness.process import Process
from harness.proxy import Proxy
from harness.wait import wait_until

_JARS = ROOT / "build" / "kafka" / "lib"
_SCRIPT = ROOT / "deploy" / "local" / "kafka_server.sh"
_TIMEOUT_SECONDS = 20
_START_SECONDS = 180  # of two JVMs, beside whatever else runs
# Java's, after SIGTERM.
_TERMINATED = 143
USER = "tally"


def kafka_jars():
    """Where they are. Skips the test where they, or Java, cannot be had."""
    if not shutil.which("java") or not any(_JARS.glob("kafka_2.13-*.jar")):
        pytest.skip("no Kafka here: deploy/local/kafka.sh fetches it, or says why it cannot")
    return _JARS


@dataclass(frozen=True)
class Message:
    key: bytes | None
    value: bytes | None
    headers: dict  # name -> bytes
    partition: int
    offset: int
    timestamp_ms: int


class KafkaBroker(Process):
    """Killed or stopped, it comes back on the same port with its data; after a kill that takes 3 s more. Settings are
    lines of server.properties, with _ for each dot: auto_create_topics_enable="false". Beside the plain listener:
    password: one with SASL, mechanism PLAIN, for USER; tls: one with a certificate of a CA of its own. behind_proxy:
    clients of the plain listener come through `hop`."""

    def __init__(self, directory, name="kafka", password="", tls=False, behind_proxy=False, **settings):
        kafka_jars()
        self.port = free_port()
        self.hop = Proxy(self.port) if behind_proxy else None
        self._password = password
        self._data = directory / f"{name}-data"
        self._data.mkdir()
        self._listeners = {"PLAINTEXT": self.port}
        lines = {}
        if password:
            self._listeners["SASL_PLAINTEXT"] = free_port()
            lines |= _sasl_lines(password)
        if tls:
            self._listeners["SSL"] = free_port()
            lines |= _make_certificate(self._data)
        controller_port = free_port()
        all_listeners = self._listeners | {"CONTROLLER": controller_port}
        lines["listeners"] = ",".join(f"{name}://127.0.0.1:{port}" for name, port in all_listeners.items())
        if self.hop:
            lines["advertised.listeners"] = f"PLAINTEXT://{self.hop.address}"
        lines |= {key.replace("_", "."): value for key, value in settings.items()}
        argv = [_SCRIPT, self._data, self.port, controller_port, *(f"{key}={value}" for key, value in lines.items())]
        super().__init__(name, argv, dict(os.environ), directory)

    # ---- the process ----

    def start(self, wait=True):
        super().start()
        if wait:
            self.wait_until_ready(self._answers, _START_SECONDS)

    def stop(self, timeout=40):
        self.terminate()
        code = self.wait(timeout)
        assert code == _TERMINATED, f"{self.name} ended with {code} after SIGTERM\n{self.log_tail()}"

    def restart(self):
        self.kill()
        self.start()

    def close(self):
        super().close()
        if self.hop:
            self.hop.close()
        shutil.rmtree(self._data)

    def _answers(self):
        try:
            return self._admin().list_topics(timeout=2).brokers
        except kafka.KafkaException:
            return False

    # ---- its clients ----

    @property
    def address(self):
        return self.hop.address if self.hop else f"127.0.0.1:{self.port}"

    @property
    def sasl_address(self):
        return f"127.0.0.1:{self._listeners['SASL_PLAINTEXT']}"

    @property
    def tls_address(self):
        return f"127.0.0.1:{self._listeners['SSL']}"

    @property
    def ca_path(self):
        return self._data / "ca.pem"

    def plain_client(self):
        """Settings of librdkafka for a client of this listener; likewise the next two."""
        return {"bootstrap.servers": self.address}

    def sasl_client(self):
        login = {"sasl.mechanism": "PLAIN", "sasl.username": USER, "sasl.password": self._password}
        return {"bootstrap.servers": self.sasl_address, "security.protocol": "SASL_PLAINTEXT", **login}

    def tls_client(self):
        trust = {"security.protocol": "SSL", "ssl.ca.location": str(self.ca_path)}
        return {"bootstrap.servers": self.tls_address, **trust}

    # ---- topics ----

    def _admin(self):
        return admin.AdminClient({**self.plain_client(), "log_level": 0})

    def _administer(self, method, request):
        client = self._admin()  # kept until it has the answers
        return [answer.result(_TIMEOUT_SECONDS) for answer in method(client, request).values()]

    def topics(self):
        """The number of partitions of each, by name; without Kafka's own."""
        found = self._admin().list_topics(timeout=_TIMEOUT_SECONDS).topics
        return {name: len(topic.partitions) for name, topic in found.items() if not name.startswith("__")}

    def create_topic(self, name, partitions=1, **config):
        """config: with _ for each dot, as max_message_bytes=1000."""
        topic = admin.NewTopic(name, partitions, 1, config=_with_dots(config))
        self._administer(admin.AdminClient.create_topics, [topic])
        wait_until(lambda: self.topics().get(name) == partitions, what=f"topic {name}")

    def delete_topic(self, name):
        self._administer(admin.AdminClient.delete_topics, [name])
        wait_until(lambda: name not in self.topics(), what=f"topic {name} to be gone")

    def set_topic_config(self, name, **config):
        """What is not named stays as it is."""
        put = {"incremental_operation": admin.AlterConfigOpType.SET}
        entries = [admin.ConfigEntry(key, value, **put) for key, value in _with_dots(config).items()]
        resource = admin.ConfigResource(admin.ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        self._administer(admin.AdminClient.incremental_alter_configs, [resource])

    def topic_config(self, name):
        resource = admin.ConfigResource(admin.ConfigResource.Type.TOPIC, name)
        (entries,) = self._administer(admin.AdminClient.describe_configs, [resource])
        return {key: entry.value for key, entry in entries.items()}

    def each_message(self, name, timeout=_TIMEOUT_SECONDS):
        """All messages that are in it now, those of a partition in their order; none while there is no such topic."""
        settings = {"group.id": "harness", "enable.auto.commit": False, "enable.partition.eof": True}
        consumer = kafka.Consumer({**self.plain_client(), **settings, "auto.offset.reset": "earliest"})
        try:
            partitions = consumer.list_topics(name, timeout).topics[name].partitions
            yield from _read(consumer, name, partitions, timeout)
        finally:
            consumer.close()

    def read_topic(self, name, timeout=_TIMEOUT_SECONDS):
        """The same as a list, partition after partition."""
        messages = self.each_message(name, timeout)
        return sorted(messages, key=lambda message: (message.partition, message.offset))


def _with_dots(config):
    return {key.replace("_", "."): str(value) for key, value in config.items()}


def _read(consumer, name, partitions, timeout):
    """Until the end of each was seen. Timeout: of what comes next."""
    consumer.assign([kafka.TopicPartition(name, number, kafka.OFFSET_BEGINNING) for number in partitions])
    unfinished = set(partitions)
    while unfinished:
        got = consumer.poll(timeout)
        assert got is not None, f"{name}: nothing more in {timeout} s, and not at the end of {unfinished}"
        if got.error() is None:
            yield _message(got)
        elif got.error().code() == kafka.KafkaError._PARTITION_EOF:
            unfinished.discard(got.partition())
        elif not got.error().retriable():
            raise kafka.KafkaException(got.error())


def _message(got):
    headers = dict(got.headers() or [])
    return Message(got.key(), got.value(), headers, got.partition(), got.offset(), got.timestamp()[1])


def _sasl_lines(password):
    login = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{password}";'
    return {"sasl.enabled.mechanisms": "PLAIN", "listener.name.sasl_plaintext.plain.sasl.jaas.config": login}


def _make_certificate(directory):
    """A CA in ca.pem, and a certificate by it for 127.0.0.1 and localhost."""
    ca, ca_key, certificate, key = (directory / name for name in ("ca.pem", "ca.key", "broker.pem", "broker.key"))
    openssl = ["openssl", "req", "-x509", "-nodes", "-days", "2"]
    openssl += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-CA", ca, "-CAkey", ca_key]
    not_a_ca = ["-addext", "basicConstraints=critical,CA:FALSE"]
    for command in (
        [*openssl, "-subj", "/CN=Tally's tests", "-keyout", ca_key, "-out", ca],
        [*openssl, "-subj", "/CN=kafka", *names, *not_a_ca, "-keyout", key, "-out", certificate],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=20)
    store = directory / "keystore.pem"
    store.write_text(key.read_text() + certificate.read_text())
    return {"ssl.keystore.type": "PEM", "ssl.keystore.location": store}
