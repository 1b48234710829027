"""A crowd: many people ask once in one group, on the loopback Telegram of either world.

    python -m bench.crowd --people 20 --world strict
    python -m bench.crowd --people 200 --world loose --faster 8

Answers take ten seconds and a chat takes twenty calls a minute; all of it runs *faster* times as
fast. Told are: what the calls of the group were used for, and when the last answer stood, against
what the budget forces for as many calls.
"""

import argparse
import asyncio
import math
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import bots.telegram.limits
import core.buckets
import core.crowd
import core.levels
import core.queue_notices
from core.telemetry import set_up_logs
from tests.harness import palaver, until
from tests.servers import telegram as telegram_server
from tests.servers.limits import Verdict, loose, strict
from tests.servers.model import ModelServer
from tests.servers.telegram import TelegramServer

GROUP = -1001
CALLS, MINUTE_S, ANSWER_S = 20, 60.0, 10.0
LATE_S = 0.25
"""How late a call may arrive here. Its part of a minute is told as *margin*."""
WORLDS = {"strict": strict, "loose": loose}
SECONDS = (
    (core.buckets, ("SLOW_S", "BEYOND_SLOW_S", "JITTER_S", "QUIET_S", "TRY_AGAIN_S")),
    (core.levels, ("EARLY_S",)),
    (core.crowd, ("NOTICE_EVERY_S", "SPARE_WAIT_S")),
    (core.queue_notices, ("TOLD_AFTER_S",)),
)
"""What the program means in seconds, and the platform does too."""


@dataclass
class Result:
    people: int
    answered: int = 0
    answers: int = 0
    notices: int = 0
    refused: int = 0
    last_s: float = 0.0
    forced_s: float = 0.0

    @property
    def share(self):
        """Which part of the calls was for answers."""
        return self.answers / max(1, self.answers + self.notices)

    @property
    def times(self):
        """How many times as long as the budget forces it took."""
        return self.last_s / self.forced_s

    def table(self):
        rows = [
            ("people who asked at once", self.people),
            ("answered", self.answered),
            ("calls for answers", self.answers),
            ("calls for notices", self.notices),
            ("share of answers", f"{self.share:.1%}"),
            ("refused calls", self.refused),
            ("last answer whole after, s", round(self.last_s, 1)),
            ("the budget forces for so many calls, s", round(self.forced_s, 1)),
            ("times that", round(self.times, 2)),
            ("a first text and an end for each", forced_s(2 * self.people)),
        ]
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


class Faster:
    """*world*, whose time goes *times* as fast."""

    def __init__(self, world, times):
        self._world, self._times = world, times

    def telegram(self, chat, now, *, cosmetic=False):
        verdict = self._world.telegram(chat, now * self._times, cosmetic=cosmetic)
        asked_s = math.ceil(verdict.retry_after_s / self._times)
        return Verdict(verdict.late_s / self._times, asked_s)


class Counting(TelegramServer):
    """Counts what passes."""

    def __init__(self, world):
        super().__init__(world)
        self.spent = {"answers": 0, "notices": 0}
        self._notices = set()

    async def do_sendMessage(self, parameters, files):  # noqa: N802 - as the method is called
        post = await super().do_sendMessage(parameters, files)
        if is_notice(parameters["text"]):
            self._notices.add(post["message_id"])
        return self._counted(post["message_id"], post)

    async def do_editMessageText(self, parameters, files):  # noqa: N802 - likewise
        post = await super().do_editMessageText(parameters, files)
        return self._counted(int(parameters["message_id"]), post)

    async def do_deleteMessage(self, parameters, files):  # noqa: N802 - likewise
        done = await super().do_deleteMessage(parameters, files)
        return self._counted(int(parameters["message_id"]), done)

    def _counted(self, message, answer):
        self.spent["notices" if message in self._notices else "answers"] += 1
        return answer

    @property
    def whole(self):
        texts = [post.text for post in self.posts(GROUP)]
        return sum("▍" not in text and not is_notice(text) for text in texts)


def is_notice(text):
    return text.startswith("Waiting for")


def forced_s(calls):
    """When the last of so many calls may be made, and no answer before its model ends."""
    return max((calls - 1) // CALLS * MINUTE_S, ANSWER_S)


def speed_up(faster):
    """Let what the program means in seconds pass *faster* times as fast."""
    for room, names in SECONDS:
        for name in names:
            setattr(room, name, getattr(room, name) / faster)
    core.crowd.NOTICE_EVERY_S = max(1, int(core.crowd.NOTICE_EVERY_S))
    telegram = bots.telegram.limits
    calls, seconds = telegram.BURST
    telegram.BURST = calls, seconds / faster
    # Our minute is a little longer than Telegram's, because calls may arrive late. How late they
    # arrive here, on this machine, does not get faster.
    telegram.MINUTE = CALLS, MINUTE_S / faster + LATE_S


async def run(*, people, world="strict", faster=4.0, max_per_place=20):
    """One run; see `Result`. Seconds are told as they would be at a chat's own pace."""
    speed_up(faster)
    server = Counting(Faster(WORLDS[world](), faster))
    server.add_group(GROUP)
    words = "word " * 100
    model = ModelServer(lambda _: words, ANSWER_S / faster / (len(words) / 25), 25)
    result = Result(people)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            server.running(),
            model.running(),
            palaver(
                Path(folder),
                telegram_bot_token=telegram_server.TOKEN,
                telegram_api_url=server.url,
                llm_base_url=model.url,
                llm_model="scripted",
                max_per_place=max_per_place,
                history_tokens=0,
                log_level="ERROR",
            ),
        ):
            began = time.monotonic()
            for number in range(people):
                person = server.person(1000 + number, f"P{number}")
                server.say(GROUP, f"@palaver_bot question {number}", user=person)
            await until(lambda: server.whole >= people, 900)
            # Of who begins when the others' ends take every token, the first text is the end.
            result.last_s = (time.monotonic() - began) * faster
            result.forced_s = forced_s(server.spent["answers"])
            await asyncio.sleep(2)
    result.answered, result.refused = server.whole, len(server.floods)
    result.answers, result.notices = server.spent["answers"], server.spent["notices"]
    return result


def quiet():
    set_up_logs("ERROR", as_json=False)


def crowd(people, world):
    """One run, in a process that does nothing else."""
    return asyncio.run(run(people=people, world=world, faster=8.0))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--world", choices=WORLDS, default="strict")
    parser.add_argument("--faster", type=float, default=4.0)
    quiet()
    result = asyncio.run(run(**vars(parser.parse_args())))
    print(result.table())
    sys.exit(0 if result.answered == result.people else 1)


if __name__ == "__main__":
    main()
