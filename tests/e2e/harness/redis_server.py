"""A real redis-server with a data directory and a port of its own."""

import os
import shutil
import tempfile
from pathlib import Path

import redis

from harness.authority import client_tls, tls_settings
from harness.ports import free_port
from harness.process import Process

_MEMORY = Path("/dev/shm")
_MEMORY_BYTES_MIN = 1 << 30


def _data_parent(directory):
    """Memory where there is plenty: a disk that others use too may take a second for one fsync, and Redis be taken for
    down. A kill of the process, which is all that the tests do to it, loses as little there."""
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_BYTES_MIN:
        return _MEMORY
    return directory


class RedisServer(Process):
    """appendfsync always: what was acknowledged survives a kill. authority: its only port speaks TLS. host: an IP of
    the loopback. port: None: one that nobody has."""

    service_settings = {}  # that a counter-service needs beside the address

    def __init__(self, directory, name="redis", password="", authority=None, host="127.0.0.1", port=None, **settings):
        self.host = host
        self.port = port or free_port()
        self.password = password
        self._authority = authority
        if authority:
            settings = tls_settings(authority, self.port) | settings
        self._data = tempfile.mkdtemp(prefix="redis-", dir=_data_parent(directory))
        self._dump_path = Path(self._data) / "dump.rdb"
        argv = ["redis-server", "--port", 0 if authority else self.port, "--bind", host]
        argv += ["--dir", self._data, "--save", ""]
        argv += ["--appendonly", "yes", "--appendfsync", "always"]
        # A rewrite of the file forks, which may stop Redis for seconds on a machine that is short of memory.
        argv += ["--auto-aof-rewrite-percentage", "0"]
        for key, value in settings.items():
            argv += [f"--{key.replace('_', '-')}", *(value if isinstance(value, list) else [value])]
        if password:
            argv += ["--requirepass", password]
        super().__init__(name, argv, dict(os.environ), directory)

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def start(self, wait=True):
        super().start()
        if wait:
            self.wait_until_ready(self._answers)

    def dump(self):
        """All that it holds now, for restore. For a server with appendonly="no"."""
        self.call("SAVE")
        return self._dump_path.read_bytes()

    def restore(self, dump):
        """Kills it, and starts it with what it held then."""
        self.kill()
        self._dump_path.write_bytes(dump)
        self.start()

    def close(self):
        super().close()
        shutil.rmtree(self._data)

    def _answers(self):
        try:
            with self.client() as client:
                return client.ping()
        except redis.RedisError:
            return False

    def client(self, db=0):
        """One connection, kept."""
        options = {"db": db, "password": self.password or None, **client_tls(self._authority)}
        return redis.Redis(self.host, self.port, single_connection_client=True, socket_timeout=10, **options)

    def call(self, *command):
        """One command, like redis-cli."""
        with self.client() as client:
            return client.execute_command(*command)

    def config_set(self, key, value):
        self.call("CONFIG", "SET", key, value)
