"""A TCP proxy that can hold bytes back, slow them down, break them into pieces and cut connections."""

import socket
import threading
import time

from harness.ports import free_port

REQUESTS, REPLIES = "requests", "replies"
# How to deliver what was held: bytes at a time.
WHOLE, PIECE = 0, 300
_PIECE_PAUSE = 0.001  # seconds


class _Way:
    """One direction of a connection. A thread reads all that the sender has, without a bound, so that the sender does
    not feel a hold; another one delivers. What is held stays held when its sender closes: the receiver does not see
    that either."""

    def __init__(self, proxy, source, sink):
        self._proxy = proxy
        self._source = source
        self._sink = sink
        self._changed = threading.Condition()
        self._waiting = bytearray()
        self._ended = False  # the sender has closed
        self._held = False
        self._piece = WHOLE
        self._idle = True  # nothing is being delivered
        self.recorded = bytearray()
        for run in (self._read, self._deliver):
            threading.Thread(target=run, daemon=True).start()

    def _read(self):
        data = b"-"
        while data:
            try:
                data = self._source.recv(65536)
            except OSError:
                data = b""
            if self._proxy.records:
                self.recorded += data
            with self._changed:
                self._waiting += data
                self._ended = not data
                self._changed.notify_all()

    def _deliver(self):
        data = b"-"
        while data:
            with self._changed:
                self._changed.wait_for(lambda: not self._held and (self._waiting or self._ended))
                data, self._waiting = self._waiting, bytearray()
                piece, self._piece = self._piece, WHOLE
                self._idle = False
            time.sleep(self._proxy.delay)
            try:
                if data:
                    self._send(data, piece)
                else:
                    self._sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the receiver is gone: the bytes are lost
            with self._changed:
                self._idle = True
                self._changed.notify_all()

    def _send(self, data, piece):
        for start in range(0, len(data), piece or len(data)):
            self._sink.sendall(data[start : start + (piece or len(data))])
            if piece:
                time.sleep(_PIECE_PAUSE)

    def hold(self):
        with self._changed:
            self._held = True

    def held(self):
        with self._changed:
            return len(self._waiting) if self._held else 0

    def release(self, piece=WHOLE):
        with self._changed:
            if self._held:
                self._held, self._piece = False, piece
                self._changed.notify_all()

    def wait_delivered(self, timeout):
        with self._changed:
            done = self._changed.wait_for(lambda: self._held or self._idle and not self._waiting, timeout)
        assert done, f"{len(self._waiting)} bytes were not delivered in {timeout} s"


class _Link:
    """One connection and its continuation."""

    def __init__(self, proxy, client, upstream):
        self._sockets = (client, upstream)
        self.upstream_port = upstream.getsockname()[1]
        self.ways = {REQUESTS: _Way(proxy, client, upstream), REPLIES: _Way(proxy, upstream, client)}

    def cut(self):
        for end in self._sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        for way in self.ways.values():
            way.release()


class Proxy:
    """records: keeps what clients sent, for a test to read with recorded(). port: None: one that nobody has."""

    def __init__(self, target_port, records=False, port=None):
        self.port = port or free_port()
        self.records = records
        self.delay = 0  # seconds, each way, for every piece
        self._recorded = []  # of each connection
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
            link = _Link(self, client, upstream)
            self._links.append(link)
            self._recorded.append(link.ways[REQUESTS].recorded)

    def recorded(self):
        """What came on each connection so far."""
        return [bytes(recorded) for recorded in self._recorded]

    def lead_to(self, port):
        """What is open now is closed, and new connections go to another target."""
        self._target_port = port
        self.cut()

    def upstream_ports(self):
        """The own port of each connection to the target that is open now."""
        return [link.upstream_port for link in list(self._links)]

    def _ways(self, names=(REQUESTS, REPLIES)):
        return [link.ways[name] for link in list(self._links) for name in names]

    def hold(self, *ways):
        """Holds back what goes these ways through the connections that are open now. New ones pass."""
        for way in self._ways(ways):
            way.hold()

    def held(self):
        """Bytes that are held back now."""
        return sum(way.held() for way in self._ways())

    def release(self, piece=WHOLE):
        """Delivers what is held: in one piece, or in pieces of so many bytes, 1 ms apart."""
        for way in self._ways():
            way.release(piece)

    def wait_delivered(self, timeout=60):
        """Until the receivers have all that was released, or are gone."""
        for way in self._ways():
            way.wait_delivered(timeout)

    def cut(self):
        """Closes what is open now; what is held is lost."""
        links, self._links = self._links, []
        for link in links:
            link.cut()

    def close(self):
        self._listener.close()
        self.cut()
