"""A redis-server that is one of several: of a Redis Cluster, or a replica."""

import redis

from harness.redis_server import RedisServer
from harness.wait import wait_until


class RedisNode(RedisServer):
    """Nothing of it is written in the background that is not asked for, and it says at once what it loses."""

    def __init__(self, directory, name, **settings):
        quick = {"repl_diskless_sync_delay": 0, "repl_ping_replica_period": 1, "repl_timeout": 20}
        super().__init__(directory, name=name, **quick | settings)

    def role(self):
        """"master", "slave"; None: it does not answer."""
        try:
            return self.call("ROLE")[0].decode()
        except redis.RedisError:
            return None

    def replication(self):
        """Fields of INFO replication, as text."""
        lines = self.call("INFO", "replication")
        return {key: str(value) for key, value in lines.items()}

    def is_linked(self):
        """A replica that has all that its master had when it was asked last."""
        try:
            found = self.replication()
        except redis.RedisError:
            return False
        return found["role"] == "slave" and found["master_link_status"] == "up"

    def wait_linked(self, timeout=30):
        wait_until(self.is_linked, timeout, f"{self.name} to follow its master")
