"""What a line holds, in both directions: one JSON object. Pure."""

import base64
import re
import time
from typing import Annotated

import msgspec

from core.border import clean
from core.messages import Button, Incoming, Picture, Sender, conversation_id

NAME = "lines"
_COMMAND = re.compile(r"/([a-zA-Z]{1,32})(?:\s+|$)")


Name = Annotated[str, msgspec.Meta(pattern=r"^[\w-]{1,32}$")]
"""It is a part of the conversation's id, so it holds no colon."""
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Hello(msgspec.Struct, frozen=True):
    """The first line of a connection: the person's name. Each name has one conversation."""

    hello: Name
    language: str = ""


class Line(msgspec.Struct, frozen=True):
    """Any later line: what the person said, or the command of a pressed button.

    The client chooses *id*. It sends the line again until it reads that the line was accepted.
    """

    id: Id
    say: str = ""
    press: str = ""


class File(msgspec.Struct, frozen=True):
    """A file to save as *name*. *data* is in base64."""

    name: str
    data: str


class Post(msgspec.Struct, frozen=True, omit_defaults=True):
    """One post of ours, as it stands in the post log and on the line."""

    text: str = ""
    buttons: tuple[Button, ...] = ()
    pictures: tuple[str, ...] = ()
    sound: str = ""
    file: File | None = None


read_hello = msgspec.json.Decoder(Hello).decode
read_line = msgspec.json.Decoder(Line).decode
read_post = msgspec.json.Decoder(Post).decode
write = msgspec.json.encode


def incoming(line: Line, hello: Hello) -> Incoming:
    """The incoming of *line*."""
    name, text, command = hello.hello, clean(line.say).strip(), line.press
    if not command and (found := _COMMAND.match(text)):
        command, text = found[1].lower(), text[found.end() :]
    return Incoming(
        event_id=f"{NAME}:{name}:{clean(line.id)}",
        conversation=conversation_id(NAME, name),
        sender=Sender(f"{NAME}:{name}", name, clean(hello.language)),
        text=text,
        command=clean(command),
        sent_at=time.time(),
    )


def picture_post(pictures: tuple[Picture, ...], buttons: tuple[Button, ...]) -> Post:
    text = "\n\n".join(picture.caption for picture in pictures if picture.caption)
    return Post(text, buttons, tuple(base64.b64encode(one.data).decode() for one in pictures))
