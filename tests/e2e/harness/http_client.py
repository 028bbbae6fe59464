"""A small HTTP/1.1 client that hides nothing: what to send is up to the test, byte by byte if need be."""

import json
import socket
import time

NO_BODY = object()


class ConnectionLost(OSError):
    """The server closed or reset the connection before the answer was complete."""


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # (lower-case name, value) in their order
        self.body = body

    def header(self, name):
        """The value, None if there is none; a header sent twice is an error."""
        values = [value for key, value in self.headers if key == name.lower()]
        assert len(values) <= 1, f"{name} is there {len(values)} times: {self.headers}"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    @property
    def closes(self):
        return (self.header("connection") or "").lower() == "close"

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:2000]!r}>"


class HttpConnection:
    """One connection. Usable in a with statement."""

    def __init__(self, port, timeout=10, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def pause(self, seconds=0.002):
        """Time for what was sent to be read on its own."""
        time.sleep(seconds)

    def end_sending(self):
        """Half-closes: there is no more to come from this side."""
        self.socket.shutdown(socket.SHUT_WR)

    def request(self, method, target, body=NO_BODY, headers=()):
        self.send(request_bytes(method, target, body, headers))
        return self.response(method)

    def response(self, method="GET"):
        """Reads one response. method: of the request; HEAD has no body."""
        head = self._read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        headers = [
            (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:] if line)
        ]
        response = Response(status, headers, b"")
        if status in (100, 204) or method == "HEAD":
            return response
        length = response.header("content-length")
        assert response.header("transfer-encoding") is None, "the tests expect a Content-Length"
        response.body = self._read_to_end() if length is None else self._read_exactly(int(length))
        return response

    def is_closed_by_server(self, timeout=10):
        """Waits for the end of the stream; whether it came, with nothing before it."""
        self.socket.settimeout(timeout)
        try:
            return self._read == b"" and self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def rest(self):
        """All that still comes until the server closes."""
        return self._read_to_end()

    def _receive(self):
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise
        except OSError as error:
            raise ConnectionLost(str(error)) from error
        if not data:
            raise ConnectionLost(f"closed after {self._read!r}")
        self._read += data

    def _read_until(self, mark):
        while mark not in self._read:
            self._receive()
        part, _, self._read = self._read.partition(mark)
        return part

    def _read_exactly(self, length):
        while len(self._read) < length:
            self._receive()
        part, self._read = self._read[:length], self._read[length:]
        return part

    def _read_to_end(self):
        try:
            while True:
                self._receive()
        except ConnectionLost:
            part, self._read = self._read, b""
            return part


def request_bytes(method, target, body=NO_BODY, headers=()):
    """A request with Host and, for a body, its length and type. body: bytes as they are, anything else as JSON."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
    names = {name.lower() for name, _ in headers}
    data = b""
    if body is not NO_BODY:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if "content-type" not in names:
            lines.append("Content-Type: application/json")
        if "content-length" not in names and "transfer-encoding" not in names:
            lines.append(f"Content-Length: {len(data)}")
    lines += [f"{name}: {value}" for name, value in headers if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8") + data


def request(port, method, target, body=NO_BODY, headers=(), timeout=10, host="127.0.0.1"):
    """One request on a connection of its own."""
    with HttpConnection(port, timeout, host) as connection:
        return connection.request(method, target, body, headers)
