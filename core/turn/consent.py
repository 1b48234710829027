"""Asking first: which calls a person must allow, what they are shown, and what a press decides.

A call that must be allowed ends the turn: its post shows the very arguments, with buttons, and no
worker waits. The rounds so far are kept under the token of the question. A press begins a turn that
goes on from them. Arguments come from the journal, never from the model again.

Only the first press counts, whoever presses at once: the store keeps its event id. A call that was
allowed is begun and ended in the journal like any other, so no kill makes it happen twice.
"""

import json
import re
import secrets
import time
import unicodedata
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from core.errors import StoreError
from core.languages.catalogue import say
from core.messages import Button, ConversationId, Sender, place_of
from core.models.chunks import Usage
from core.store.journal import RoundRecord, StepRecord
from core.store.values import read
from core.tools.tool import SignInNeeded, ToolSpec
from core.turn import signing_in
from core.turn.context import TurnContext

PRIVATE_S, GROUP_S = 15 * 60, 3 * 60
"""For so long a question can be decided. In groups others talk on, and what was meant changes."""
SIGN_IN_S = 30 * 60
"""For so long an answer waits for somebody to sign in."""
MOST_SHOWN = 4_000
"""Longer arguments are not called: nobody can allow what they cannot read."""
TOO_LONG = (
    f"Not called: a person must allow this call, and cannot read more than {MOST_SHOWN} "
    "characters of arguments. Call it with less."
)
LAPSED = "(lapsed)"
"""The `command` of the mail that says: nobody decided in time. Its text is the token. Nobody can
type it."""
NOBODY = (
    "Not called: nobody allowed it in time. Say that it was not done, and that the person can ask "
    "for it again."
)
REFUSED = "Not called: the person said no. Do not try it in another way."
_TICKS = re.compile(r"`+")


class Waiting(msgspec.Struct, frozen=True, omit_defaults=True):
    """What goes on once a call is allowed or refused.

    *person*, called *name*, asked, with *role* at that time. It waits in *conversation*, which is
    *private* or not, under *reply_to*; empty: an older version kept it.
    """

    person: str
    role: str
    until: float
    rounds: tuple[RoundRecord, ...]
    name: str = ""
    conversation: ConversationId = ConversationId("")
    private: bool = True
    reply_to: str = ""

    @property
    def sender(self) -> Sender:
        return Sender(self.person, self.name)


_waiting = msgspec.json.Decoder(Waiting)


async def must_ask(context: TurnContext, spec: ToolSpec, *, tainted: bool, built: bool) -> bool:
    """Whether a person must allow a call of the tool of *spec* first.

    *built*: it is called with an address that nobody named.
    """
    if tainted and (spec.effect != "read_only" or (spec.sends and built)):
        return True
    rule = context.services.settings.tools_ask
    if spec.asks:
        return rule != "never"
    if spec.own or rule != "effects" or spec.effect != "effects":
        return False
    try:
        allowed = await context.claim.consents.allowed(place_of(context.claim.conversation))
    except StoreError:
        return True
    return spec.name not in allowed


def asked(step: StepRecord, *, private: bool) -> StepRecord:
    """*step*, once a person is to be asked about it."""
    until = time.time() + (PRIVATE_S if private else GROUP_S)
    return replace(step, state="asked", token=secrets.token_urlsafe(12), until=until)


def to_sign_in(step: StepRecord, needed: SignInNeeded) -> StepRecord:
    """*step*, which waits until its person has signed in."""
    waiting, until = asked(step, private=True), time.time() + SIGN_IN_S
    return replace(waiting, signs_in=needed.server, scope=needed.scope, until=until)


def asked_of(rounds: Sequence[RoundRecord]) -> StepRecord | None:
    """The step that waits for a person, if there is one."""
    steps = rounds[-1].steps if rounds else ()
    return next((step for step in steps if step.state == "asked"), None)


async def keep(
    context: TurnContext,
    step: StepRecord,
    rounds: Sequence[RoundRecord],
    person: str,
    role: str,
) -> None:
    """Keep what goes on when *step*, which waits in *rounds*, is decided. Raises `StoreError`."""
    # What they cost is paid by the turn that asks.
    unpaid = tuple(replace(one, usage=Usage()) for one in rounds)
    first = context.first
    speakers = {one.person: one.speaker for one in context.turn.history}
    waiting = Waiting(
        person,
        role,
        step.until,
        unpaid,
        # Somebody else may have allowed a call before this one.
        first.sender.name if first.sender.id == person else speakers.get(person, ""),
        context.claim.conversation,
        first.private,
        first.reply_to,
    )
    await context.claim.consents.keep(step.token, msgspec.json.encode(waiting), step.until)


async def kept(context: TurnContext, token: str) -> Waiting | None:
    """What waits for the decision on *token*. Raises `StoreError`."""
    raw = await context.claim.consents.kept(token)
    return read(_waiting, raw, "store.consent")


def decided(rounds: Sequence[RoundRecord], token: str, *, yes: bool | None) -> list[RoundRecord]:
    """*rounds*, with the decision on *token*. What else waited there is asked anew.

    *yes* is None: its person has signed in. Whether the call may be made is another question.
    """

    def of(step: StepRecord) -> StepRecord:
        if step.state != "asked":
            return step
        if step.token != token or yes is None:
            return replace(step, state="planned", signs_in="", scope="")
        if yes:
            return replace(step, state="planned", allowed=True)
        return replace(step, state="failed", output=REFUSED)

    return [replace(one, steps=tuple(map(of, one.steps))) for one in rounds]


def lapsed(rounds: Sequence[RoundRecord], told: str) -> list[RoundRecord]:
    """*rounds*, once nobody decided in time. Nothing that was left to do is done.

    *told* is what the person reads of it.
    """
    shown = asked_of(rounds)

    def of(step: StepRecord) -> StepRecord:
        if step.state not in ("asked", "planned"):
            return step
        return replace(step, state="failed", output=NOBODY, told=told if step is shown else "")

    return [replace(one, steps=tuple(map(of, one.steps))) for one in rounds]


async def question(
    context: TurnContext, step: StepRecord, person: str, *, tainted: bool
) -> tuple[str, Sequence[Button]]:
    """What *person*, who asked, reads of *step*, and the buttons under it."""
    if step.signs_in:
        return await signing_in.question(context, step, person)
    language, token = context.language, step.token
    minutes = (PRIVATE_S if context.first.private else GROUP_S) // 60
    head = say("ask_first", language, tool=_named(step.tool))
    end = say("ask_until", language, minutes=minutes)
    read = say("ask_tainted", language) if tainted else ""
    text = "\n\n".join(filter(None, (head, _block(step.call.arguments), read, end)))
    names = ["permit", "deny"]
    known = context.services.tools.spec_of(step.tool)
    if not tainted and known is not None and not known.asks and await context.may("always"):
        names.append("always")
    return text, [Button(f"{name} {token}", say(name, language)) for name in names]


def _named(tool: str) -> str:
    return tool.replace("`", "'")


def shown(arguments: str) -> str:
    """What *arguments* say, as they will be read, with all that is unseen made visible."""
    try:
        text = json.dumps(json.loads(arguments or "{}"), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        text = arguments
    return "".join(one if _is_seen(one) else _escaped(one) for one in text)


def _is_seen(one: str) -> bool:
    return one in "\n " or unicodedata.category(one)[0] not in "CZ"


def _escaped(one: str) -> str:
    units = one.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _block(arguments: str) -> str:
    text = shown(arguments)
    longest = max(map(len, _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"
