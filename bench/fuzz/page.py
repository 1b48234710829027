"""What a browser, or who passes for one, sends to the page and to the one HTTP server."""

import json

import msgspec
from hypothesis import strategies as st

from bench.fuzz.border import Border, nearly
from bots.web.posts import Visitor, decode_entry, decode_post, decode_sent, read_sent, title_of
from bots.web.sessions import is_token
from core.http import HOST
from core.messages import Sender
from core.net.own_site import answers_to

_SENT = [
    json.loads(one)
    for one in (
        b'{"id":"abcdefgh","text":"hello"}',
        b'{"id":"abcdefgh","text":"/image a fox --n 2"}',
        b'{"id":"abcdefgh","command":"model fast"}',
        b'{"author":"bot","text":"hello","buttons":[{"command":"retry","label":"Again"}],"files":[1]}',
        b'{"thread":"thread-12345","title":"A","at":1.5}',
    )
]
_HOSTS = st.lists(
    st.sampled_from(
        ["[", "]", "::1", "127.0.0.1", "localhost", ".", ":", "8080", "@", "/", "evil.example"]
    )
    | st.text(max_size=6),
    max_size=6,
).map("".join)


def _read(sent: tuple[bytes, str]) -> None:
    raw, host = sent
    try:
        said = decode_sent(raw)
    except (msgspec.MsgspecError, ValueError):
        said = None
    if said is not None:
        incoming = read_sent(
            said, Visitor("visitor", Sender("web:visitor", "You")), "thread-12345", host
        )
        msgspec.json.encode(incoming)
        title_of(said.text)
        is_token(said.id)
    for decode in (decode_post, decode_entry):
        try:
            decode(raw)
        except (msgspec.MsgspecError, ValueError):
            continue
    HOST.fullmatch(host)
    for local in (True, False):
        for public_url in ("", "https://bot.example"):
            answers_to(host, local=local, public_url=public_url)


BORDER = Border(st.tuples(nearly(*_SENT), _HOSTS), _read)
