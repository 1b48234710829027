"""How platforms limit calls, by a clock that the caller reads: a strict world and a loose one.

Documents leave bursts, windows and penalties open, so there are two worlds, the strictest and
the loosest that anybody reported. The loopback servers and `bench.freshness` use the same rules.
"""

import math
import random
from bisect import insort
from dataclasses import dataclass, field
from typing import NamedTuple

PATIENCE_S = 8.0
"""The Bot API server itself waits so long, and answers late, before it refuses
(tdlib/td, NetQueryCreator.cpp: total_timeout_limit of bots)."""
PATIENCE_COSMETIC_S = 2.0
"""For typing and drafts it waits for less (tdlib/td, DialogActionManager.cpp)."""
PENALTY_S = (20, 60)
"""What a refusal usually asks for (letta-ai/lettabot#433, agno#7360, hermes#102402)."""


class Verdict(NamedTuple):
    """A call is answered after *late_s*, or refused for *retry_after_s*."""

    late_s: float = 0.0
    retry_after_s: float = 0.0


class Window:
    """At most *most* calls in any *seconds*."""

    def __init__(self, most, seconds):
        self.most, self.seconds, self.times = most, seconds, []

    def wait(self, now):
        while self.times and self.times[0] <= now - self.seconds:
            self.times.pop(0)
        if len(self.times) < self.most:
            return 0.0
        return self.times[-self.most] + self.seconds - now

    def count(self, at):
        insort(self.times, at)


class Drip:
    """A bucket of *most* calls, one of which comes back every *each_s*."""

    def __init__(self, most, each_s):
        self.most, self.each_s, self.level, self.at = most, each_s, float(most), None

    def _level(self, now):
        since = 0.0 if self.at is None else now - self.at
        return min(self.most, self.level + since / self.each_s)

    def wait(self, now):
        return max(0.0, (1 - self._level(now)) * self.each_s)

    def count(self, at):
        self.level, self.at = self._level(at) - 1, at


@dataclass
class Place:
    """One chat's, or one method's, *rules*; who calls while it is held is held for longer."""

    rules: list
    patience_s: float = 0.0
    penalty_s: tuple = (0, 0)
    grows: bool = False
    held_until: float = 0.0
    queue_until: float = 0.0
    refused: list = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def call(self, now, patience_s=None):
        patience_s = self.patience_s if patience_s is None else patience_s
        if now < self.held_until:
            left = self.held_until - now
            # Calls during a wait make it longer (hermes#76494, dashi-plugin#20).
            self.held_until = now + left * (2 if self.grows else 1)
            return self.refuse(now)
        # Calls that wait do so in a row (tdlib/td, SequenceDispatcher.cpp).
        start = max(now, self.queue_until)
        wait = start - now
        for _ in self.rules:
            wait = max(wait, *(rule.wait(now + wait) + wait for rule in self.rules))
        if wait > patience_s:
            self.held_until = now + max(wait, self.chance.uniform(*self.penalty_s))
            return self.refuse(now)
        for rule in self.rules:
            rule.count(now + wait)
        if wait > 0:
            self.queue_until = now + wait
        return Verdict(late_s=wait)

    def refuse(self, now):
        # Whole seconds, and not less than is meant.
        seconds = max(1, math.ceil(self.held_until - now - 1e-6))
        self.held_until = now + seconds
        self.refused.append((now, seconds))
        return Verdict(retry_after_s=seconds)


class World:
    """The places of one platform. *strict*: which of the two worlds; *all_calls*: (calls,
    seconds) that the whole bot has, where somebody believes in that.
    """

    def __init__(self, *, strict, all_calls=None):
        self.strict = strict
        self.places = {}
        self._all = Window(*all_calls) if all_calls else None

    @property
    def refused(self):
        """Of the place where most were: how many calls."""
        return max((len(place.refused) for place in self.places.values()), default=0)

    def telegram(self, chat, now, *, cosmetic=False):
        """A call in *chat* (negative: a group); *cosmetic*: typing, a reaction, a delete."""
        # hermes#107612, #99643: what is cosmetic spends the same budget.
        if cosmetic and not self.strict:
            return Verdict()
        place = self._place(chat, lambda: self.telegram_rules(chat), telegram=True)
        return place.call(now, PATIENCE_COSMETIC_S if cosmetic else None)

    def telegram_rules(self, chat):
        if self.strict:
            # levlam, tdlib/td#2592: edits and sends share about 20 a minute in a chat. Bots FAQ:
            # one a second, with short bursts.
            return [Window(20, 60.0), Drip(3, 1.0)]
        # Bots FAQ: 20 a minute in a group, else one a second with short bursts.
        rules = [Window(20, 60.0)] if chat < 0 else [Window(5, 1.0), Window(60, 60.0)]
        return [*rules, self._all] if self._all else rules

    def hold_chat(self, chat, until):
        """Refuse all calls in *chat* until then."""
        self._place(chat, lambda: self.telegram_rules(chat), telegram=True).held_until = until

    def slack(self, method, channel, now):
        """A call of *method*: per method, workspace and app (docs.slack.dev, rate limits)."""
        if method != "chat.postMessage" and method not in TIERS:
            return Verdict()
        key = (method, channel if method == "chat.postMessage" else "")
        return self._place(key, lambda: self.slack_rules(method)).call(now)

    def slack_rules(self, method):
        if method == "chat.postMessage":
            # docs.slack.dev: about one a second in a channel, short bursts allowed.
            return [Drip(3 if self.strict else 4, 1.0)]
        # "Windows are per minute, burst limits are not published": the smallest that anybody
        # assumed, or none beside the minute.
        per_minute = TIERS[method]
        if self.strict:
            return [Drip(BURSTS[per_minute], 60 / per_minute)]
        return [Window(per_minute, 60.0)]

    def refuse(self, method, now, seconds):
        """Refuse *method* of Slack for *seconds*, whatever there is."""
        place = self._place((method, ""), lambda: self.slack_rules(method))
        place.held_until = now + seconds
        return place.refuse(now)

    def _place(self, key, rules, *, telegram=False):
        if key not in self.places:
            place = self.places[key] = Place(rules())
            if telegram and self.strict:
                place.patience_s, place.penalty_s, place.grows = PATIENCE_S, PENALTY_S, True
        return self.places[key]


TIERS = {
    # Tier 2, 3 and 4: 20, 50 and 100 and more a minute (docs.slack.dev, the methods' pages).
    "usergroups.list": 20,
    "chat.startStream": 20,
    "chat.stopStream": 20,
    "chat.update": 50,
    "reactions.add": 50,
    "chat.delete": 50,
    "assistant.threads.setStatus": 50,
    "agents.sessions.setStatus": 50,
    "agents.sessions.rename": 50,
    "conversations.replies": 50,
    "conversations.history": 50,
    "conversations.info": 50,
    "conversations.open": 50,
    "chat.appendStream": 100,
    "users.info": 100,
    "views.publish": 100,
    "views.open": 100,
    "files.info": 100,
    "files.getUploadURLExternal": 100,
    "files.completeUploadExternal": 100,
}
BURSTS = {20: 3, 50: 10, 100: 20}


def strict():
    return World(strict=True)


def loose(all_calls=None):
    return World(strict=False, all_calls=all_calls)
