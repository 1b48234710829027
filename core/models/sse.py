"""An incremental decoder of event streams, to the WHATWG rules.

Source: html.spec.whatwg.org, "Server-sent events", parsing and interpreting.
Bytes go in as they arrive, cut anywhere. Events come out when they are complete.
"""

import msgspec

_BOM = b"\xef\xbb\xbf"


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event: its type (`message` unless named), its data, the last id seen."""

    type: str
    data: bytes
    id: str


class Decoder:
    """Feed bytes, get events. Data stays bytes, because its reader decodes UTF-8 itself.

    `retry_ms` is the server's last `retry` field, or None. `unfinished` is the data of an event
    that was cut off before its empty line.
    """

    def __init__(self) -> None:
        self.last_id = ""
        self.retry_ms: int | None = None
        self._rest: list[bytes] = []
        self._after_cr = False
        self._begun = False
        self._data: list[bytes] = []
        self._type = ""

    def messages(self, piece: bytes) -> list[bytes] | None:
        """The data of the events in *piece*, if all are messages of one line.

        Most servers send only these, and reading them together is fast. None means that nothing
        was read: *piece* must be fed.
        """
        if not self._begun or self._after_cr or self._data or self._type:
            return None
        buffer = b"".join([*self._rest, piece]) if self._rest else piece
        end = buffer.rfind(b"\n\n")
        if end < 0 or buffer[:6] != b"data: " or b"\r" in buffer:
            return None
        found = buffer[6:end].split(b"\n\ndata: ")
        if buffer.count(b"\n", 0, end) != 2 * len(found) - 2:
            return None
        rest = buffer[end + 2 :]
        self._rest = [rest] if rest else []
        return found

    def feed(self, piece: bytes) -> list[Event]:
        """The events that *piece* completes."""
        if self._after_cr and piece:
            # The CR at the end of the last piece ended a line. This LF belongs to it.
            self._after_cr = False
            if piece[:1] == b"\n":
                piece = piece[1:]
        if self._begun and b"\r" not in piece:
            ends = piece.count(b"\n")
            if not ends:
                self._rest.append(piece)
                return []
        buffer = b"".join([*self._rest, piece])
        if not self._begun:
            if len(buffer) < len(_BOM) and _BOM.startswith(buffer):
                self._rest = [buffer]
                return []
            self._begun = True
            buffer = buffer.removeprefix(_BOM)
        if b"\r" in buffer:
            self._after_cr = buffer.endswith(b"\r")
            buffer = buffer.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = buffer.split(b"\n")
        self._rest = [rest] if rest else []
        events: list[Event] = []
        data = self._data
        for line in lines:
            # Nearly every line is one of these two, so they come first and are fast.
            if line.startswith(b"data: "):
                data.append(line[6:])
            elif line:
                self._field(line)
            elif data:
                whole = data[0] if len(data) == 1 else b"\n".join(data)
                events.append(Event(self._type or "message", whole, self.last_id))
                data.clear()
                self._type = ""
            else:
                self._type = ""
        return events

    @property
    def unfinished_type(self) -> str:
        return self._type

    @property
    def unfinished(self) -> bytes:
        """The data at the end of the stream that no empty line follows."""
        for line in b"".join(self._rest).split(b"\n"):
            # After messages that were read together, several lines may be left.
            if line:
                self._field(line)
        self._rest = []
        return b"\n".join(self._data)

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._data.append(value)
            case b"event":
                self._type = value.decode("utf-8", "replace")
            case b"id" if b"\0" not in value:
                self.last_id = value.decode("utf-8", "replace")
            case b"retry" if value.isdigit():
                self.retry_ms = int(value)
            case _:
                pass
