"""For `tests/contracts`: how a person acts in a chat of lines, and what they see."""

import asyncio
import base64
import json
import secrets
from contextlib import asynccontextmanager

from tests.contracts.drivers import Driver, Shown


class LinesDriver(Driver):
    name = "lines"
    places = ("room",)
    other = "room2"

    @asynccontextmanager
    async def running(self):
        self._people = {}
        yield self
        await self._leave()

    def settings(self):
        return {"lines_port": 0}

    async def opened(self, running):
        (platform,) = [one for one in running.platforms if one.name == self.name]
        self._port = int(platform.identity.split()[-1])
        # Whoever was connected to a program before this one connects again.
        await self._leave()

    async def _leave(self):
        for person in self._people.values():
            await person.close()
        self._people.clear()

    async def _person(self, place):
        if place not in self._people:
            self._people[place] = person = Person()
            await person.connect(self._port, place)
        return self._people[place]

    async def say(self, place, text):
        self._last = {"id": secrets.token_hex(8), "say": text}
        await (await self._person(place)).send(self._last)

    async def say_again(self, place):
        await (await self._person(place)).send(self._last)

    async def press(self, place, command):
        person = await self._person(place)
        await person.send({"id": secrets.token_hex(8), "press": command})

    async def noise(self, place):
        person = await self._person(place)
        for line in (b"no json\n", b"\xff\n", b"[]\n", b"{}\n", b'{"id": 1, "say": "?"}\n'):
            person.out.write(line)

    async def posts(self, place):
        person = await self._person(place)
        return [
            Shown(
                post.get("text", ""),
                tuple(button["command"] for button in post.get("buttons", ())),
                [base64.b64decode(one) for one in post.get("pictures", ())],
                downloads=[(one["name"], base64.b64decode(one["data"])) for one in _files(post)],
            )
            for _, post in sorted(person.posts.items())
        ]


def _files(post):
    return filter(None, [post.get("file")])


class Person:
    """Somebody at a terminal. They read every line, and repeat a line that was not accepted."""

    async def connect(self, port, name):
        self.posts, self._held = {}, {}
        lines, self.out = await asyncio.open_connection("127.0.0.1", port, limit=10_000_000)
        self.out.write(json.dumps({"hello": name}).encode() + b"\n")
        self._reading = asyncio.create_task(self._read(lines))

    async def send(self, line):
        self._held[line["id"]] = line
        self.out.write(json.dumps(line).encode() + b"\n")
        await self.out.drain()

    async def _read(self, lines):
        while raw := await lines.readline():
            told = json.loads(raw)
            if "post" in told:
                self.posts[told["post"]] = told
            elif "gone" in told:
                self.posts.pop(told["gone"], None)
            elif "held" in told:
                self._held.pop(told["held"], None)
            elif "again" in told:
                await self.send(self._held[told["again"]])

    async def close(self):
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self.out.close()
