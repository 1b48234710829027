"""The ingress: here it is decided whether a message is for the bot, and may enter the inbox.

The questions come in this order. Is the message meant for us (addressed, by a wake word, or in a
thread of ours)? Is the person allowed? Is it about the threads of a place, so that each of them
gets it? Then it goes into the inbox. Somebody whose message may not enter is told why, but seldom.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

import msgspec

from core.crowd import NOTICE_EVERY_S, notice_of
from core.errors import PlatformError, StoreError
from core.languages.catalogue import say
from core.languages.detection import language_of
from core.live.delivery import post
from core.messages import ConversationId, Incoming, place_of, split_conversation
from core.overhearing import Overhearing
from core.owner_codes import OwnerCodes
from core.people.roles import Role
from core.people.wake_words import calls_one, for_us, said_to
from core.platform import Platform
from core.presses import HOME, Presses, unpacked
from core.rates import MINUTE_S, Rates
from core.retry import retry_until_available
from core.speaking import Speaking
from core.store.inbox import Inbox
from core.store.layers import Layers
from core.store.limits import Notices
from core.store.recent import SharedRecent
from core.tasks import end
from core.telemetry import logger
from core.thoughts import Thoughts
from core.turn.services import Services
from core.wordings import Wordings

log = logger(__name__)

OUR_NAME = "Palaver"
"""People in a followed thread may call us so without a mention."""
SELDOM = ("full", "not_allowed", "no_owner", "request_kept", "too_fast", "maintenance")
"""Sentences that many people could get at once. A group or channel gets only one at a time."""
NOT_ALLOWED_AGAIN_S = 30 * 24 * 3600
FULL_AGAIN_S = HOME_AGAIN_S = 60


class Ingress:
    """Puts messages into the inbox. Notices to people are sent in tasks of *group*."""

    def __init__(
        self,
        inbox: Inbox,
        notices: Notices,
        services: Services,
        owner_codes: OwnerCodes,
        group: asyncio.TaskGroup,
    ) -> None:
        self._inbox = inbox
        self._notices = notices
        self._services = services
        self._overhearing = Overhearing(inbox.places, services)
        recent = SharedRecent(inbox.engine.redis)
        self._thoughts = Thoughts(inbox.places, recent)
        self._wordings = Wordings(notices)
        self._speaking = Speaking(notices, recent, services.pacer)
        self._owner_codes = owner_codes
        self._group = group
        self._tasks: set[asyncio.Task[None]] = set()
        most = services.settings.questions_per_minute
        self._presses = Presses(inbox, notices, services, self._spawn)
        self._rates = Rates(services.pacer.budget, notices, most)

    async def close(self) -> None:
        """End the notices that are still on their way."""
        await end(self._tasks)

    async def accept(self, platform: Platform, incoming: Incoming) -> None:
        """Return when the inbox holds *incoming*, or need not. Waits for an absent store."""
        incoming = unpacked(incoming)
        for_us = self._for_us(incoming)
        if for_us is None and incoming.private:
            return
        role = await self._role(platform, incoming)
        if role is Role.BLOCKED:
            return
        told = await retry_until_available(
            partial(self._owner_codes.heard, platform, incoming, role), "owner code"
        )
        if told is not None:
            if told:
                self._notify(platform, incoming, f"code:{incoming.event_id}", 60, told)
            return
        spoken_to = for_us is not None and for_us.address == "direct"
        chosen = partial(self._inbox.places.chosen, incoming.conversation)
        layers = Layers() if spoken_to else await retry_until_available(chosen, "chosen")
        if not spoken_to and role >= Role.MEMBER:
            for_us = await self._wanted(platform, incoming, layers) or for_us
        if for_us is None:
            if await self._overhearing.keep(platform, incoming, layers):
                self._spawn(self._overhearing.tell(platform, incoming), "overhears")
            return
        incoming = for_us
        await self._overhearing.drop(platform, incoming)
        if await self._between_people(incoming):
            return
        if role < Role.MEMBER and incoming.address != "direct":
            return
        closed = partial(self._services.maintenance.stops, incoming, role)
        verdict = "not allowed"
        if role < Role.MEMBER:
            await self._turn_away(platform, incoming)
        elif await retry_until_available(closed, "maintenance"):
            verdict = "maintenance"
            name = f"closed:{incoming.conversation}:{incoming.sender.id}"
            self._notify(platform, incoming, name, FULL_AGAIN_S, verdict)
        elif not await self._presses.allow(platform, incoming, role):
            verdict = "not theirs"
        elif incoming.of_place and await self._passed_on(platform, incoming, role):
            verdict = "passed on"
        elif not await self._rates.allow(incoming):
            verdict = "too fast"
            if spoken_to:
                name, most = incoming.sender.id, self._services.settings.questions_per_minute
                self._notify(platform, incoming, f"too-fast:{name}", MINUTE_S, "too_fast", most)
        else:
            incoming = await self._wordings.first(await self._thoughts.placed(incoming))
            others = await self._may(platform, incoming, role)
            put = partial(self._inbox.put, incoming, by_admin=others)
            kept = await retry_until_available(put, "put")
            verdict = kept.verdict
            if verdict == "full" and spoken_to:
                name = f"full:{incoming.conversation}:{incoming.sender.id}"
                self._notify(platform, incoming, name, FULL_AGAIN_S, "full", kept.waiting)
        self._services.metrics.accepted.labels(platform.name, verdict).inc()

    async def _turn_away(self, platform: Platform, incoming: Incoming) -> None:
        """*incoming* is a stranger's: keep that they asked, and tell them once."""
        wanted = partial(self._owner_codes.wanted, platform)
        again_s = NOT_ALLOWED_AGAIN_S
        if await retry_until_available(wanted, "owner"):
            sentence = "no_owner"
        elif incoming.command == HOME and incoming.private:
            # Who opens a tab asks for nothing yet. In a group it can only be typed.
            sentence, again_s = "home_closed", HOME_AGAIN_S
        else:
            ask = partial(self._services.requests.ask, platform, incoming)
            sentence, request = await retry_until_available(ask, "request")
            if request is not None:
                self._spawn(self._services.requests.tell(platform, request), "request")
        space = split_conversation(incoming.conversation)[1]
        name = f"{sentence}:{space}:{incoming.sender.id}"
        self._notify(platform, incoming, name, again_s, sentence)

    def _for_us(self, incoming: Incoming) -> Incoming | None:
        """*incoming*, without a wake word; None if it was said to nobody of us."""
        if incoming.address == "direct":
            return incoming
        if incoming.command:
            return None  # Another bot's.
        text = said_to(incoming.text, self._services.settings.wake_words)
        if text is not None:
            return msgspec.structs.replace(incoming, text=text, address="direct")
        return None if incoming.address == "overheard" else incoming

    async def _wanted(
        self, platform: Platform, incoming: Incoming, chosen: Layers
    ) -> Incoming | None:
        """*incoming*, which does not speak to us, if its place wants it answered all the same."""
        wanted = await self._speaking.wants(incoming, chosen.preferences)
        if wanted == "judge":
            put = partial(self._put_unasked, platform)
            self._spawn(self._speaking.judge_later(incoming, put), "useful")
        return msgspec.structs.replace(incoming, address="direct") if wanted == "answer" else None

    async def _put_unasked(self, platform: Platform, incoming: Incoming) -> None:
        """Put a question that nobody asked us into the inbox, for a model to judge."""
        role = await self._role(platform, incoming)
        closed = partial(self._services.maintenance.stops, incoming, role)
        if role < Role.MEMBER or await retry_until_available(closed, "maintenance"):
            return
        if await self._rates.allow(incoming):
            incoming = msgspec.structs.replace(incoming, address="overheard")
            incoming = await self._wordings.first(await self._thoughts.placed(incoming))
            put = partial(self._inbox.put, incoming, wanted=True)
            await retry_until_available(put, "put")

    async def _role(self, platform: Platform, incoming: Incoming) -> Role:
        """The role of the sender of *incoming*. A place that moved keeps what it was allowed."""
        rights = self._services.rights
        role = await retry_until_available(partial(rights.role, platform, incoming), "role")
        if incoming.moved_to:
            if role is not Role.STRANGER:
                moved = partial(
                    self._inbox.places.note_move, incoming.conversation, incoming.moved_to
                )
                await retry_until_available(moved, "note move")
            return Role.MEMBER
        if role is not Role.STRANGER:
            return role
        place = place_of(incoming.conversation)
        before = await retry_until_available(
            partial(self._inbox.places.moved_from, place), "moved from"
        )
        if not before:
            return role
        there = partial(rights.role_of, incoming.sender.id, before)
        return await retry_until_available(there, "role")

    async def _may(self, platform: Platform, incoming: Incoming, role: Role) -> bool:
        """Whether the sender of *incoming*, if it is a stop, may stop the answers to others."""
        if incoming.command != "stop":
            return False
        return await self._services.rights.may(platform, incoming, "others", role)

    async def _between_people(self, incoming: Incoming) -> bool:
        """Whether *incoming*, in a thread, is for other people. In one without us, all is."""
        if incoming.private or incoming.conversation == place_of(incoming.conversation):
            return False
        heard = await retry_until_available(partial(self._inbox.places.hear, incoming), "hear")
        if incoming.address != "thread" or incoming.deleted:
            return False
        if heard is None:
            return True
        if heard.when == "reply":
            return calls_one(incoming.text, heard.others)
        match heard.follow:
            case "all":
                return False
            case "off":
                return True
        if not heard.others or for_us(incoming.text, heard.others):
            return False
        if calls_one(incoming.text, (OUR_NAME,)):
            return False
        return not await self._thoughts.goes_on(incoming, incoming.conversation)

    async def _passed_on(self, platform: Platform, incoming: Incoming, role: Role) -> bool:
        """Whether *incoming*, a command to a place, was passed on to threads of the place."""
        place, person = incoming.conversation, incoming.sender.id
        threads: Sequence[ConversationId] = ()
        others = await self._may(platform, incoming, role)
        if incoming.command == "stop":
            # An admin stops the answers to everybody; others stop their own.
            whose = "" if others else person
            running = partial(self._inbox.places.answering, place, whose)
            threads = await retry_until_available(running, "answering")
        elif incoming.command == "retry":
            recent = partial(self._inbox.places.recent, place, person)
            threads = (await retry_until_available(recent, "recent"))[:1]
        for thread in threads:
            there = msgspec.structs.replace(
                incoming,
                event_id=f"{incoming.event_id}:{thread}",
                conversation=thread,
                reply_to="",
                of_place=False,
            )
            await retry_until_available(partial(self._inbox.put, there, by_admin=others), "put")
        if threads and incoming.command == "stop":
            self._notify(platform, incoming, f"stopped:{incoming.event_id}", 60, "stopped_here")
        return bool(threads)

    def _notify(
        self,
        platform: Platform,
        incoming: Incoming,
        name: str,
        again_s: int,
        sentence: str,
        waiting: int = 0,
    ) -> None:
        """Say *sentence* to the sender of *incoming*, at most once in *again_s* seconds."""
        there, to = incoming.conversation, incoming.aside or incoming.reply_to

        async def notify() -> None:
            try:
                if not incoming.private and sentence in SELDOM:
                    # Who was told before takes the place's minute from nobody.
                    if await self._notices.already_given(name):
                        return
                    if not await self._notices.first_time(notice_of(there), NOTICE_EVERY_S):
                        return
                if not await self._notices.first_time(name, again_s):
                    return
                language = language_of(incoming.text, "", incoming.sender.language)
                text = say(sentence, language, waiting=waiting, id=incoming.sender.id)
                surface = platform.open_surface(there, to)
                await post(surface, text, there, self._services.pacer.budget)
            except (StoreError, PlatformError) as error:
                log.warning("notice not delivered", notice=sentence, reason=str(error))

        self._spawn(notify(), name)

    def _spawn(self, notice: Coroutine[Any, Any, None], name: str) -> None:
        task = self._group.create_task(notice, name=f"notice {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
