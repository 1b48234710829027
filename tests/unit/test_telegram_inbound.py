"""Telegram's updates, bent in every way: nothing is raised; what cannot be read is set aside."""

import copy
import json
from functools import cache

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots.telegram.adapter import TelegramPlatform
from bots.telegram.decoding import read_json
from bots.telegram.pointing import Me
from bots.telegram.wire import TelegramBot
from core.buckets import LocalBudget
from core.live.delivery import SpareCalls
from core.messages import Incoming
from tests.contracts import shapes_telegram
from tests.servers.telegram import BOT, TOKEN, TelegramServer, old_poll

ME = Me(BOT["id"], BOT["username"], ("help", "image"))


def recorded():
    """One update of each shape of the contract."""
    updates = []
    for case in shapes_telegram.CASES:
        server = TelegramServer()
        server.add_private(77)
        server.add_group(-1001)
        server.add_group(-1002, forum=True)

        class Driver:
            pass

        driver = Driver()
        driver.server = server
        case.send(driver)
        updates += server.updates
    server.press(server.say(77, "x"), "retry")
    server.updates[-1]["callback_query"]["message"]["poll"] = old_poll("Tea?")
    return [*updates, server.updates[-1], {"stopped_message_generation": {"chat": {"id": 77}}}]


RECORDED = recorded()
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["\ud800", "x" * 5000, [], {}, [[]], {"id": []}, -1, 2**70, 1e300]),
)


def places(value, path=()):
    """Where anything stands in *value*."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inside:
        if isinstance(one, dict | list):
            yield from places(one, (*path, key))
        else:
            yield (*path, key)


@st.composite
def bent(draw):
    update = copy.deepcopy(draw(st.sampled_from(RECORDED)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(sorted(places(update), key=str)))
        holder = update
        for key in path[:-1]:
            holder = holder[key]
        if not path:
            continue
        if draw(st.booleans()):
            holder[path[-1]] = copy.deepcopy(draw(ODD))
        else:
            del holder[path[-1]]
    return update


class _Leases:
    """Nobody polls here."""


class _Recent:
    """What the shared one does, for one process and a little while."""

    def __init__(self):
        self.kept = {}

    async def look(self, name, value=b""):
        found = self.kept.setdefault(name, [])
        found += [value] if value else []
        del found[:-40]
        return list(found)


@cache
def a_platform():
    """One for all, since its TLS takes longer than a hundred updates."""
    platform = TelegramPlatform(
        TOKEN,
        "http://127.0.0.1:9",
        _Leases(),
        _Recent(),
        SpareCalls(LocalBudget()),
        menus={"": {}},
    )
    platform._me = ME
    platform._bot = Quiet(_Recent(), TOKEN)
    return platform


async def read(update):
    platform = a_platform()
    known = platform._bot.read(update)
    if known is None:
        return ()
    incomings = await platform._updates._read(known)
    platform._afterwards.note(ME, [known], incomings)
    return incomings


class Quiet(TelegramBot):
    async def _do_post(self, endpoint, data, **timeouts):
        return {"inline_message_id": "x"}


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(bent())
async def test_no_update_however_bent_ends_the_reading_or_the_store(update):
    raw = read_json(json.dumps(update).encode())
    for incoming in await read(raw):
        stored = msgspec.json.encode(incoming)
        assert msgspec.json.decode(stored, type=Incoming) == incoming
