"""gRPC calls over HTTP/2 made by hand: streams that never send their message, messages that no library would send."""

import socket
import struct

import h2.config
import h2.connection
import h2.events

_TIMEOUT = 10  # seconds
_FRAME_HEAD = 9


def framed(message, compressed=False):
    """A message as it stands on the stream."""
    return struct.pack(">BI", compressed, len(message)) + message


class RawGrpc:
    """One connection. Usable in a with statement."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), _TIMEOUT)
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._headers = {}  # by stream: those of the answer
        self._ended = {}  # by stream: its trailers, or {"reset": code}
        self._unread = b""
        self.is_closed = False  # by the server
        self.is_told_to_go = False
        self._http.initiate_connection()
        self._flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def open(self, path, **headers):
        """Starts a call and sends no message yet. headers: more of them, with _ for -. Returns the stream."""
        stream = self._http.get_next_available_stream_id()
        fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "test"}
        fields |= {"content-type": "application/grpc", "te": "trailers"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        self._http.send_headers(stream, list(fields.items()))
        self._flush()
        return stream

    def send(self, stream, data, end=True):
        """All of it and the end of the stream, unless the server ends that before."""
        while data and not self._is_over(stream):
            room = min(self._http.local_flow_control_window(stream), self._http.max_outbound_frame_size, len(data))
            if room == 0:
                self._read()
                continue
            self._http.send_data(stream, data[:room])
            self._flush()
            data = data[room:]
        if end and not self._is_over(stream):
            self._http.end_stream(stream)
            self._flush()

    def ending(self, stream):
        """Waits until the server has ended the stream; its trailers, or {"reset": code}, or {} with the connection."""
        while not self._is_over(stream):
            self._read()
        return self._ended.get(stream, {})

    def headers(self, stream):
        """Of the answer, which has come."""
        return self._headers[stream]

    def read_for(self, seconds):
        """Reads what comes."""
        self._socket.settimeout(seconds)
        try:
            while not self.is_closed:
                self._read()
        except TimeoutError:
            pass
        self._socket.settimeout(_TIMEOUT)

    def open_streams(self):
        """How many calls have not ended."""
        return self._http.open_outbound_streams

    def _is_over(self, stream):
        return self.is_closed or stream in self._ended

    def _flush(self):
        try:
            self._socket.sendall(self._http.data_to_send())
        except ConnectionError:
            self.is_closed = True

    def _read(self):
        try:
            data = self._socket.recv(65536)
        except ConnectionError:
            data = b""
        self.is_closed = not data
        self._unread += data
        # Frame by frame: h2 reads nothing behind the server's GOAWAY, which is but the first sign of its end.
        while not self.is_told_to_go and len(self._unread) >= (end := self._frame_end()):
            frame, self._unread = self._unread[:end], self._unread[end:]
            for event in self._http.receive_data(frame):
                self._handle(event)
        self._flush()

    def _frame_end(self):
        return _FRAME_HEAD + int.from_bytes(self._unread[:3], "big")

    def _handle(self, event):
        if isinstance(event, h2.events.TrailersReceived):
            self._ended[event.stream_id] = dict(event.headers)
        elif isinstance(event, h2.events.ResponseReceived):
            self._headers[event.stream_id] = dict(event.headers)
            if event.stream_ended is not None:
                self._ended[event.stream_id] = dict(event.headers)
        elif isinstance(event, h2.events.StreamReset):
            self._ended.setdefault(event.stream_id, {"reset": int(event.error_code)})
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.is_told_to_go = True
        elif isinstance(event, h2.events.DataReceived):
            self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
