"""What others give us to read and to follow: addresses, image APIs' answers, files, Slack's files.

What may be refused is refused by the error that its reader names; any other ends the run.
"""

import json
from contextlib import suppress

from hypothesis import strategies as st

from bench.fuzz.border import Border, nearly
from bots.slack.files import attachments_of
from core.errors import AddressRefused, ModelError
from core.images.answers import read_answer, read_callback, read_task
from core.images.kinds import kind_of, pixels_of
from core.net.addresses import is_public
from core.net.urls import read_url
from core.net.way import Way
from core.turn.plain_text import text_of_bytes as text_of

_ODD = st.text(alphabet="http:/[]@%.0123456789abxf-\\#?&= \n\ud800é。\u202e", max_size=60)
_BEGUN = st.sampled_from(
    (
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"BM",
        b"RIFF....WEBPVP8X",
        b"....ftypavif",
        b"<svg",
        b"\xff\xfe",
    )
)
_ANSWERS = nearly(
    {"created": 1, "data": [{"b64_json": "aGk=", "revised_prompt": "a"}], "task_id": "t"},
    {"data": {"url": "https://["}},
    {"success": True, "data": {"data": [{"url": "https://example.com/"}]}, "error": None},
    {"response": {"success": False, "error": {"code": 1, "message": "x"}}},
)
_FILES = nearly(
    {"id": "F1", "name": "a.txt", "mimetype": "text/plain", "size": 5, "mode": "hosted"},
    {
        "id": "F1",
        "file_access": "check_file_info",
        "is_external": False,
        "url_private": "https://x",
    },
)


def _address(text: str) -> None:
    Way("http://proxy.example:1", text).proxy_for("https://api.example/")
    with suppress(AddressRefused):
        assert read_url(text).raw_user is None


def _answer(body: bytes) -> None:
    for status in (200, 500):
        with suppress(ModelError):
            read_answer(body, status)
    for read in (read_callback, read_task):
        with suppress(ModelError):
            read(body)


def _bytes(data: bytes) -> None:
    kind_of(data)
    pixels_of(data)
    with suppress(ValueError):
        text_of(data).encode()


def _files(body: bytes) -> None:
    try:
        files = json.loads(body)
    except (ValueError, RecursionError):
        files = body
    for one in attachments_of([files]):
        one.ref.encode()


def _ip(address: object) -> None:
    assert not is_public(str(address)) or address.is_global  # type: ignore[attr-defined]  # an IP's


_READERS = (_address, _answer, _bytes, _files, _ip)
BORDER = Border(
    st.one_of(
        st.tuples(st.just(0), _ODD | st.builds("https://{}".format, _ODD)),
        st.tuples(st.just(1), _ANSWERS),
        st.tuples(st.just(2), st.builds(bytes.__add__, _BEGUN, st.binary(max_size=60))),
        st.tuples(st.just(3), _FILES),
        st.tuples(st.just(4), st.ip_addresses()),
    ),
    lambda chosen: _READERS[chosen[0]](chosen[1]),
)
