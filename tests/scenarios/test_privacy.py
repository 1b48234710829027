"""No text of one person or place ever enters another's prompt, whatever people do.

Each text holds a mark that no other text has. The model's server keeps every prompt, and answers
with what it was asked, so a mark that leaked once would go on.
"""

import random
import re

import pytest

from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import until
from tests.servers.model import said

MARK = re.compile(r"mk\d+x")
PEOPLE = {77: "Ann", 78: "Ann", 79: "Eve"}
GROUPS = (-1001, -1003, -1004)
ROUNDS, AT_ONCE = 8, 3


class World:
    """What was said where, and by whom; and what each person wants remembered, and where."""

    def __init__(self, driver, dice):
        self.server, self.dice = driver.server, dice
        self.place_of, self.asker_of, self.fact_of = {}, {}, {}
        self.lets = set()
        self._last = 0
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
        match self.dice.randrange(12):
            case 0 | 1:
                self.add(user)
            case 2:
                group = self.dice.choice(GROUPS)
                on = self.dice.random() < 0.6
                # What was allowed once may be in prompts that are already on their way.
                self.lets |= {(user, group)} if on else set()
                self.say(group, user, "/memory here" if on else "/memory here off")
            case 3:
                self.say(place, user, "/new")
            case 4:
                self.say(place, user, "/retry")
            case 5 if place < 0:
                mark = self.mark()
                self.place_of[mark] = place
                self.say(place, user, f"people talk of {mark}")
            case 6 if place < 0:
                self.say(place, user, "/settings context recent 20")
            case _:
                self.ask(place, user)

    def add(self, user):
        mark = self.mark()
        self.fact_of[mark] = self.place_of[mark] = user
        self.say(user, user, f"/memory add likes {mark}")

    def ask(self, place, user):
        mark = self.mark()
        self.place_of[mark], self.asker_of[mark] = place, user
        at = "@palaver_bot " if place < 0 else ""
        self.say(place, user, f"{at}I wonder much about {mark} today")

    def say(self, place, user, text):
        self.server.say(place, text, user=self.server.person(user, PEOPLE[user]))

    def leaks(self, messages):
        """The marks in a prompt that its asker may not see there."""
        marks = set(MARK.findall(str(messages)))
        asked = [mark for mark in MARK.findall(said(messages[-1])) if mark in self.asker_of]
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


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_text_enters_a_prompt_of_another_person_or_place(seed, tmp_path, model):
    driver, dice = TelegramDriver(), random.Random(seed)
    more = {"small_model": "small", "history_tokens": 150, "llm_memory": "all"}
    async with driving(driver, tmp_path, model, **more, max_per_place=3):
        world, app = World(driver, dice), driver.app.core

        async def quiet():
            waits = [name async for name in app.redis.scan_iter("*:mail:*")]
            return not waits and not driver.server.updates and app.services.background.idle

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
    told = [mark for one in model.requests for mark in MARK.findall(str(one["messages"]))]
    assert set(told) & set(world.fact_of), "no fact was ever used: the test proves nothing"
