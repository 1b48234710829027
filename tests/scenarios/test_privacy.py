"""No text of one person or place ever enters another's prompt, whatever people do.

Each text holds a mark that no other text has. The model's server keeps every prompt, and answers
with what it was asked, so a mark that leaked once would go on.
"""

import random
import re

import pytest

from tests.contracts.drivers import SlackDriver, TelegramDriver, driving
from tests.harness import until
from tests.servers.model import said
from tests.servers.slack import BOT_USER

MARK = re.compile(r"mk\d+x")
PEOPLE = {77: "Ann", 78: "Ann", 79: "Eve"}
GROUPS = (-1001, -1003, -1004)
"""The people and groups; on Slack they are U77 and C1001."""
ROUNDS, AT_ONCE = 8, 3


class World:
    """What was said where, and by whom; and what each person wants remembered, and where."""

    at = "@palaver_bot "

    def __init__(self, driver, dice):
        self.server, self.dice = driver.server, dice
        self.place_of, self.asker_of, self.fact_of = {}, {}, {}
        self.lets = set()
        self._last = 0
        self.open()

    def open(self):
        for user, name in PEOPLE.items():
            self.server.add_private(user, name)
        for group in GROUPS:
            self.server.add_group(group)

    def mark(self):
        self._last += 1
        return f"mk{self._last}x"

    def act(self):
        """Somebody does something somewhere."""
        user = self.dice.choice(list(PEOPLE))
        place = self.dice.choice([user, *GROUPS])
        match self.dice.randrange(14):
            case 0 | 1:
                self.add(user)
            case 2:
                group = self.dice.choice(GROUPS)
                on = self.dice.random() < 0.6
                # What was allowed once may be in prompts that are already on their way.
                self.lets |= {(user, group)} if on else set()
                self.command(group, user, "/memory here" if on else "/memory here off")
            case 3:
                self.command(place, user, "/new")
            case 4:
                self.command(place, user, "/retry")
            case 5 if place < 0:
                mark = self.mark()
                # Where the place wants it, this is answered unasked.
                self.place_of[mark], self.asker_of[mark] = place, user
                self.say(place, user, f"people talk of {mark}, does anyone know why")
            case 6 if place < 0:
                self.command(place, user, "/settings context recent 20")
            case 7 if place < 0:
                when = self.dice.choice(("mention", "reply", "always", "useful"))
                self.command(place, user, f"/settings when {when}")
            case 8 if place < 0:
                self.command(place, user, "/catchup 20")
            case _:
                self.ask(place, user)

    def add(self, user):
        mark = self.mark()
        self.fact_of[mark] = self.place_of[mark] = user
        self.say(user, user, f"/memory add likes {mark}")

    def ask(self, place, user):
        mark = self.mark()
        self.place_of[mark], self.asker_of[mark] = place, user
        at = self.at if place < 0 else ""
        self.say(place, user, f"{at}I wonder much about {mark} today")

    def command(self, place, user, text):
        self.say(place, user, text)

    def say(self, place, user, text):
        self.server.say(place, text, user=self.server.person(user, PEOPLE[user]))

    def leaks(self, messages):
        """The marks in a prompt that its asker may not see there."""
        marks = set(MARK.findall(str(messages)))
        question = [one for one in messages if one["role"] == "user"][-1]
        asked = [mark for mark in MARK.findall(said(question)) if mark in self.asker_of]
        if not marks:
            return set()
        places = {self.place_of[mark] for mark in asked}
        if not asked or len(places) != 1:
            return marks  # A prompt that mixes places, or that nobody asked.
        (place,) = places
        user = self.asker_of[asked[-1]]
        return {
            mark
            for mark in marks
            if not (
                place == user == self.fact_of[mark] or (user, place) in self.lets
                if mark in self.fact_of and self.fact_of[mark] == user
                else self.place_of[mark] == place and mark not in self.fact_of
            )
        }


class SlackWorld(World):
    at = f"<@{BOT_USER}> "

    def open(self):
        self.threads = {}
        for user, name in PEOPLE.items():
            self.server.people[f"U{user}"] = name
            self.server.dms[f"D{user}"] = f"U{user}"
        for group in GROUPS:
            self.server.members[f"C{-group}"] = {BOT_USER, *(f"U{user}" for user in PEOPLE)}

    def command(self, place, user, text):
        self.say(place, user, f"{self.at if place < 0 else ''}{text}")

    def say(self, place, user, text):
        """Now in the newest thread of the place, now outside of all."""
        channel = f"C{-place}" if place < 0 else f"D{place}"
        thread = self.threads.get(channel, "") if self.dice.random() < 0.6 else ""
        ts = self.server.say(channel, text, user=f"U{user}", thread=thread)
        if not thread:
            self.threads[channel] = ts


def searching(body):
    """The model searches for every word that anybody wrote."""
    if any(one["role"] == "tool" for one in body["messages"]) or len(body["messages"]) % 2:
        return None
    return "", [("search_here", {"query": "people talk wonder much about today likes Echo"})]


WORLDS = {TelegramDriver: World, SlackDriver: SlackWorld}


@pytest.mark.parametrize(
    ("kind", "seed"), [(TelegramDriver, 1), (TelegramDriver, 2), (SlackDriver, 3)]
)
async def test_no_text_enters_a_prompt_of_another_person_or_place(
    kind, seed, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.speaking.WAIT_S", 0.02)
    driver, dice = kind(), random.Random(seed)
    user = "telegram:{}" if kind is TelegramDriver else "slack:U{}"
    more = {"small_model": "small", "history_tokens": 150, "llm_memory": "all"}
    more["tools"], model.calling = ("search_here",), searching
    more["admins"] = tuple(map(user.format, PEOPLE))
    async with driving(driver, tmp_path, model, **more, max_per_place=3):
        world, app = WORLDS[kind](driver, dice), driver.app.core

        async def quiet():
            waits = [name async for name in app.redis.scan_iter("*:mail:*")]
            news = driver.server.updates if kind is TelegramDriver else driver.server._deliveries
            return not waits and not news and app.services.background.idle

        for user in PEOPLE:
            world.add(user)
            world.ask(user, user)
            world.ask(GROUPS[0], user)
        for _ in range(ROUNDS):
            for _ in range(AT_ONCE):
                world.act()
            await until(quiet, 40)
    assert len(model.requests) > ROUNDS
    assert {"small", "scripted"} <= {one["model"] for one in model.requests}
    leaked = [
        (one["model"], leaks, str(one["messages"])[-300:])
        for one in model.requests
        if (leaks := world.leaks(one["messages"]))
    ]
    assert leaked == []
    brought = [
        said(one) for body in model.requests for one in body["messages"] if one["role"] == "tool"
    ]
    assert MARK.search(str(brought)), "nothing was ever found: the test proves nothing"
    told = [mark for one in model.requests for mark in MARK.findall(str(one["messages"]))]
    assert set(told) & set(world.fact_of), "no fact was ever used: the test proves nothing"
