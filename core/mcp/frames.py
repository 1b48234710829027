"""What Palaver and the process of one MCP server say to each other.

Each message is one frame: its length in four bytes, then MessagePack. The pipe is ours, but what
comes through it was made from a stranger's answer: it is bounded, and read as typed structs.
"""

import asyncio
from typing import Any, Literal

import msgspec

FRAME_BYTES = 24 << 20
"""A longer frame ends the connection. The longest list of tools takes less than half of it."""
_LENGTH = 4


class Open(msgspec.Struct, frozen=True, tag="open"):
    """The first frame: which server to speak to. Secrets come this way, and by no variable.

    Args:
        url: of a server that is reached by streamable HTTP, with its *headers*; or empty.
        command: the program and its arguments, for a server that is started here.
        env: the variables of that program, besides PATH and the like.
        cwd: an empty folder to start it in.
        memory_bytes: how much memory the program may take.
        connect_s: how long connecting may take.
        by_person: nobody is connected until a call comes with a person's token.
        proxy: the proxy for *url*, or empty. *ca*: a file of certificates to trust too, or empty.
    """

    url: str = ""
    headers: dict[str, str] = {}
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
    cwd: str = "/"
    memory_bytes: int = 1 << 30
    connect_s: float = 60.0
    by_person: bool = False
    proxy: str = ""
    ca: str = ""


class Call(msgspec.Struct, frozen=True, tag="call"):
    """Do something: `call` a tool, `read` the resource *name*, or `fill` the prompt *name*; or only
    `list` what the server offers.

    *seconds*: how long may pass without a sign of life. *most_s*: how long it may take in all.
    *key*: the same for each try of the same step; few servers read it. *token*: of the person in
    whose name it is made; empty: in the operator's.
    """

    id: int
    kind: Literal["call", "read", "fill", "list"]
    name: str
    arguments: dict[str, Any] = {}
    seconds: float = 30.0
    most_s: float = 120.0
    key: str = ""
    token: str = ""


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Nobody waits for the call *id* any more."""

    id: int


class ServerTool(msgspec.Struct, frozen=True):
    """A tool as its server describes it. A hint that is None was not given."""

    name: str
    description: str
    schema: dict[str, Any]
    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    open_world: bool | None = None


class Item(msgspec.Struct, frozen=True):
    """A resource (*name* is its address) or a prompt (*arguments* are the names it takes)."""

    name: str
    description: str = ""
    arguments: tuple[str, ...] = ()


MOST_LISTED = 256


class Listed(msgspec.Struct, frozen=True, tag="listed"):
    """All that the server offers now. Sent once it is connected, and when it changes."""

    tools: tuple[ServerTool, ...] = ()
    resources: tuple[Item, ...] = ()
    prompts: tuple[Item, ...] = ()
    protocol: str = ""

    def joined(self, newer: "Listed") -> "Listed":
        """Both: what several people may use of a server. What *newer* says of a thing counts."""
        return Listed(
            tuple({one.name: one for one in (*self.tools, *newer.tools)}.values())[-MOST_LISTED:],
            tuple({one.name: one for one in (*self.resources, *newer.resources)}.values())[
                -MOST_LISTED:
            ],
            tuple({one.name: one for one in (*self.prompts, *newer.prompts)}.values())[
                -MOST_LISTED:
            ],
            newer.protocol or self.protocol,
        )


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """The call *id* goes on. *text* is a stranger's, and may be empty."""

    id: int
    text: str = ""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The answer to the call *id*. *is_error*: the tool says that it failed."""

    id: int
    text: str = ""
    is_error: bool = False


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """There is no answer to the call *id*. `refused`, `away`: it was surely not carried out.

    `denied`: neither; the server wants the person to sign in. *text* is what it said of that.
    """

    id: int
    why: Literal["refused", "timeout", "broken", "away", "denied"]
    text: str = ""


class Closed(msgspec.Struct, frozen=True, tag="closed"):
    """The last frame: the server is not there, or not any more. *text* says why."""

    text: str


Order = Open | Call | Cancel
News = Listed | Progress | Done | Failed | Closed

_encode = msgspec.msgpack.Encoder().encode
orders = msgspec.msgpack.Decoder(Order)
news = msgspec.msgpack.Decoder(News)


def frame(message: Order | News) -> bytes:
    """*message* as it is sent.

    Raises:
        ValueError: it is longer than a frame may be, or holds what cannot be sent.
    """
    try:
        body = _encode(message)
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if len(body) > FRAME_BYTES:
        raise ValueError("too long")
    return len(body).to_bytes(_LENGTH, "big") + body


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame, undecoded.

    Raises:
        EOFError: the other side is gone, or sent what is no frame.
    """
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH), "big")
        if length > FRAME_BYTES:
            raise EOFError("the frame is too long")
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise EOFError("the other side is gone") from error
