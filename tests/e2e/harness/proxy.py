"""A TCP proxy that can hold bytes back, slow them down and cut connections."""

import socket
import threading
import time

from harness.ports import free_port

REQUESTS, REPLIES = "requests", "replies"


class _Link:
    """One connection and its continuation, each way pumped by a thread."""

    def __init__(self, proxy, client, upstream):
        self.proxy = proxy
        self.sockets = (client, upstream)
        self.held = set()
        self.changed = threading.Condition()
        self.recorded = bytearray()
        for way, source, sink in ((REQUESTS, client, upstream), (REPLIES, upstream, client)):
            threading.Thread(target=self._pump, args=(way, source, sink), daemon=True).start()

    def _pump(self, way, source, sink):
        """What is held stays held when its sender closes: the other side does not see that either."""
        data = b"-"
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            if self.proxy.records and way == REQUESTS:
                self.recorded += data
            self._wait_until_released(way)
            time.sleep(self.proxy.delay)
            try:
                if data:
                    sink.sendall(data)
                else:
                    sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the receiver is gone: the bytes are lost

    def _wait_until_released(self, way):
        with self.changed:
            self.changed.wait_for(lambda: way not in self.held)

    def set_held(self, ways):
        with self.changed:
            self.held = set(ways)
            self.changed.notify_all()

    def cut(self):
        for end in self.sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        self.set_held(())


class Proxy:
    """records: keeps what clients sent, for a test to read with recorded()."""

    def __init__(self, target_port, records=False):
        self.port = free_port()
        self.records = records
        self._recorded = []  # of each connection
        self.delay = 0  # seconds, each way, for every piece
        self._target_port = target_port
        self._links = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                upstream = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:
                client.close()
                continue
            for end in (client, upstream):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._links.append(_Link(self, client, upstream))
            self._recorded.append(self._links[-1].recorded)

    def recorded(self):
        """What came on each connection so far."""
        return [bytes(recorded) for recorded in self._recorded]

    def hold(self, *ways):
        """Holds back what goes through the connections that are open now. New ones pass."""
        for link in self._links:
            link.set_held(ways)

    def release(self):
        for link in self._links:
            link.set_held(())

    def cut(self):
        """Closes what is open now; what is held is lost."""
        links, self._links = self._links, []
        for link in links:
            link.cut()

    def close(self):
        self._listener.close()
        self.cut()
