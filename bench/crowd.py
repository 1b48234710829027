"""A crowd: many people ask once in one group, whose budget is small.

    python -m bench.crowd --people 20
    python -m bench.crowd --people 200

Answers take ten seconds and a chat takes twenty calls a minute; all of it runs *faster* times as
fast. Told are: what the calls of the group were used for, and when the last answer stood, against
what the budget forces for as many calls.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, field

import core.crowd
import core.line
from bench.overload import MemoryPlatform, MemorySurface
from bench.serving import serving
from core.messages import Incoming, Sender, conversation_id
from core.platform import Bucket
from core.telemetry import set_up_logs
from tests.harness import until
from tests.servers.model import ModelServer

NAME = "memory"
GROUP = conversation_id(NAME, "group")
CALLS, MINUTE_S, ANSWER_S = 20, 60.0, 10.0


@dataclass
class Result:
    people: int
    answered: int = 0
    answers: int = 0
    notices: int = 0
    last_s: float = 0.0
    forced_s: float = 0.0
    firsts_s: list = field(default_factory=list)

    def table(self):
        share = self.answers / max(1, self.answers + self.notices)
        rows = [
            ("people who asked at once", self.people),
            ("answered", self.answered),
            ("calls for answers", self.answers),
            ("calls for notices", self.notices),
            ("share of answers", f"{share:.1%}"),
            ("last answer whole after, s", round(self.last_s, 1)),
            ("the budget forces for so many calls, s", round(self.forced_s, 1)),
            ("times that", round(self.last_s / self.forced_s, 2)),
            ("a first text and an end for each", forced_s(2 * self.people)),
        ]
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


class GroupSurface(MemorySurface):
    """A post in the group: each call is counted."""

    def __init__(self, platform, handle=""):
        super().__init__(platform.posts[GROUP], handle)
        self._platform = platform
        self.budget = self.final_budget = platform.bucket

    async def show(self, text, buttons=()):
        is_notice = text.startswith("*Waiting for")
        self._platform.calls["notices" if is_notice else "answers"] += 1
        await super().show(text, buttons)

    async def delete(self):
        self._platform.calls["notices"] += 1
        await super().delete()


class GroupPlatform(MemoryPlatform):
    """One group, and the budget of a chat."""

    def __init__(self, questions, faster):
        super().__init__(questions)
        self.calls = {"answers": 0, "notices": 0}
        self.bucket = (Bucket("group", CALLS, MINUTE_S / faster),)

    def budget(self, conversation):
        return self.bucket

    def open_surface(self, conversation, reply_to):
        return GroupSurface(self)

    def reopen_surface(self, conversation, handle):
        return GroupSurface(self, handle)


def forced_s(calls):
    """When the last of so many calls may be made, and no answer before its model ends."""
    return max((calls - 1) // CALLS * MINUTE_S, ANSWER_S)


async def run(*, people, faster=10.0, max_per_place=20):
    """One run; see `Result`. Seconds are told as they would be at a chat's own pace."""
    questions = [
        Incoming(
            event_id=f"e{number}",
            conversation=GROUP,
            sender=Sender(f"{NAME}:{number}", f"P{number}"),
            text=f"question {number}",
            private=False,
        )
        for number in range(people)
    ]
    platform = GroupPlatform(questions, faster)
    words = "word " * 100
    pieces = len(words) / 25
    model = ModelServer(lambda _: words, ANSWER_S / faster / pieces, 25)
    for room, name in (
        (core.crowd, "NOTICE_EVERY_S"),
        (core.crowd, "PATIENCE_S"),
        (core.line, "TOLD_AFTER_S"),
    ):
        setattr(room, name, getattr(room, name) / faster)
    core.crowd.NOTICE_EVERY_S = max(1, int(core.crowd.NOTICE_EVERY_S))
    result = Result(people)
    async with serving(platform, model, max_per_place=max_per_place):
        began = time.monotonic()
        await until(lambda: len(platform.answers().get(GROUP, ())) >= people, 900)
        # Of who begins when the others' ends take every token, the first text is the end.
        result.forced_s = forced_s(platform.calls["answers"])
        result.last_s = (time.monotonic() - began) * faster
        await asyncio.sleep(2)
    result.answered = len(platform.answers()[GROUP])
    result.answers, result.notices = platform.calls["answers"], platform.calls["notices"]
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--faster", type=float, default=10.0)
    set_up_logs("ERROR", as_json=False)
    result = asyncio.run(run(**vars(parser.parse_args())))
    print(result.table())
    sys.exit(0 if result.answered == result.people else 1)


if __name__ == "__main__":
    main()
