"""The strings that hold the tops of rankings (ranking_places.h), as a test reads and damages them."""

VERSION = b"\x01"
STATE = "tally:{p0}:rankings"


def _varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _take_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at


def _places(data):
    assert data[:1] in (b"", VERSION), data
    at = 1
    while at < len(data):
        size, at = _take_varint(data, at)
        name = data[at : at + size].decode()
        score, at = _take_varint(data, at + size)
        yield name, (score >> 1) ^ -(score & 1)


class Top:
    """Of "<counter_type>:<window>:<slot>", as it was when it was read."""

    def __init__(self, redis, name):
        self.key = "tally:{p0}:r:" + name
        self._field = "s:" + name
        self._redis = redis
        self._data = redis.call("GET", self.key) or b""
        self._state = (redis.call("HGET", STATE, self._field) or b"0 0 0 0").decode().split(" ")
        self.scores = {}
        for resource_id, score in _places(self._data):
            self._take(resource_id, score)

    def _take(self, resource_id, score):
        self.scores.pop(resource_id, None)
        if score != 0:
            self.scores[resource_id] = score

    @property
    def length(self):
        return len(self._data)

    def order(self):
        return sorted(self.scores.items(), key=lambda place: (-place[1], place[0]))

    def put(self, resource_id, score):
        name = resource_id.encode()
        self._data += _varint(len(name)) + name + _varint(score << 1 if score >= 0 else (-score << 1) - 1)
        self._take(resource_id, score)

    def save(self):
        """Writes the string, and what the state says of it."""
        self._state[2:4] = [str(self.length), str(len(self.scores))]
        self._redis.call("SET", self.key, self._data)
        self._redis.call("HSET", STATE, self._field, " ".join(self._state))
