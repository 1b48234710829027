"""Whether a turn may spend what it is about to, and what is said if not."""

import asyncio
import math
from collections.abc import Sequence
from types import MappingProxyType

from msgspec.structs import replace

from core.errors import PlatformError, StoreError
from core.languages.catalogue import CATALOGUE, Language, say
from core.live.delivery import post
from core.messages import Attachment, Exchange, Spent
from core.models.request import ChatRequest
from core.models.sound import guessed_s
from core.people.budgets import SCALE, Account, Limit, shown_amount
from core.people.periods import moment
from core.people.roles import tenant_of
from core.store.accounts import Refused
from core.store.budgets import Level
from core.telemetry import logger
from core.turn.attachments import ReadAttachments
from core.turn.context import Report, TurnContext
from core.turn.spending import Estimate, OverBudget, Unpriced, estimates_of, together

log = logger(__name__)

BUSY_S, BUSY_TRIES = 0.5, 40
"""How often it is tried again while other answers have reserved what is left."""
SPOKEN_S = 60.0
"""A recording of unknown length, or an answer that is not spoken yet, is taken for so long."""
NOTHING: Estimate = MappingProxyType({})
BAR = 10
"""How many characters a bar has."""


async def afford(
    context: TurnContext,
    request: ChatRequest,
    more: Estimate = NOTHING,
    sure: Estimate = NOTHING,
) -> ChatRequest:
    """*request*, once what it may cost is reserved; or the same to a cheaper model.

    *more*: what may be spent besides. *sure*: what this turn has spent already.

    Raises:
        OverBudget, Unpriced: it may not be asked.
    """
    if not context.accounts:
        # The tokens of the whole prompt need not be counted.
        context.spending.granted.set()
        return request
    while True:
        estimates = estimates_of(context.services.model, request, context.accounts)
        try:
            await reserve(context, [together([more, sure, one]) for one in estimates], sure)
        except OverBudget as error:
            over = error.refused.account.limit.over
            if not over or over == request.model:
                raise
            if error.refused.first:
                told = _instead(error.refused, context.language)
                await _tell(context, told, alone=error.refused.account.limit.of == "person")
            # No dearer model may answer for the cheap one.
            request = replace(request, model=over, alone=True)
        else:
            return request


async def reserve(
    context: TurnContext, estimates: Sequence[Estimate], sure: Estimate = NOTHING
) -> None:
    """Reserve enough for any one of *estimates*. *sure*: what is spent. Raises `OverBudget`."""
    if not context.accounts:
        context.spending.granted.set()
        return
    for tried in range(BUSY_TRIES + 2):
        try:
            await context.spending.reserve(context.accounts, estimates, sure)
        except OverBudget as error:
            if error.used_up or tried > BUSY_TRIES or (tried and context.stop.given):
                raise
        else:
            return
        if tried:
            await asyncio.sleep(BUSY_S)
        else:
            # Lanes that ended without a commit may still hold something.
            await context.services.budgets.sweep(tenant_of(context.first.sender.id))


async def read_attachments(
    context: TurnContext, attachments: Sequence[Attachment], history: Sequence[Exchange]
) -> ReadAttachments:
    """As `Reader.read`. What transcription costs is reserved before, and counted.

    Raises:
        OverBudget: it may not be spent.
    """
    services, model = context.services, context.services.settings.audio_model
    sounds = [one for one in attachments if one.kind == "audio"] if model else []
    if sounds and context.accounts:
        seconds = sum(guessed_s(one.size_bytes) or SPOKEN_S for one in sounds)
        await reserve(context, [{model: audio(context, seconds)}])
    found = await services.reader.read(context.platform, attachments, history)
    if found.heard_s:
        await context.spending.spend(model, audio(context, found.heard_s))
    return found


def to_speak(context: TurnContext) -> Estimate:
    """What a spoken answer may cost, if there is to be one."""
    if not context.turn.preferences.voice or context.services.speech is None:
        return NOTHING
    return {context.services.settings.speech_model: audio(context, SPOKEN_S)}


def audio(context: TurnContext, seconds: float) -> Spent:
    """What *seconds* of speech cost, heard or spoken."""
    cost = context.services.settings.audio_price * seconds / 60
    return Spent(audio_s=seconds, cost_usd=cost)


def why_not(context: TurnContext, error: OverBudget | Unpriced) -> str:
    """Why nothing may be spent, and whom to ask."""
    language = context.language
    contact = context.services.settings.budget_contact or say("budget_contact", language)
    if isinstance(error, Unpriced):
        return say("budget_unpriced", language, model=error.model, contact=contact)
    if error.used_up:
        return say(
            f"budget_over_{error.refused.account.limit.of}",
            language,
            **_words(error.refused.account, error.refused, language),
            contact=contact,
        )
    return say("budget_busy", language)


async def refuse(context: TurnContext, error: OverBudget | Unpriced) -> Report:
    """Say why nothing may be spent, and end the turn."""
    limit = "" if isinstance(error, Unpriced) else error.refused.account.limit.of
    context.services.metrics.over_budget.labels(context.platform.name, limit or "price").inc()
    log.info("over budget", conversation=context.claim.conversation, of=limit, reason=str(error))
    return await context.close("over budget", why_not(context, error))


async def hint(context: TurnContext) -> None:
    """Say that a budget is nearly used up, if the turn's commit has found that."""
    near, context.claim.near = context.claim.near, ()
    try:
        levels = await context.services.budgets.levels(near)
    except StoreError as error:
        log.warning("budget hint not given", reason=str(error))
        return
    for account, level in zip(near, levels, strict=True):
        words = _words(account, level, context.language)
        told = say(f"budget_near_{account.limit.of}", context.language, **words)
        await _tell(context, told, alone=account.limit.of == "person")


async def bars(context: TurnContext) -> Sequence[str]:
    """A line for each budget of *context*, that shows how much of it is spent."""
    levels = await context.services.budgets.levels(context.accounts)
    pairs = zip(context.accounts, levels, strict=True)
    return [_bar(*pair, context.language) for pair in pairs]


def _bar(account: Account, level: Level, language: Language) -> str:
    """A line that shows how much of *account* is spent."""
    full = min(BAR, round(BAR * level.spent / max(1, level.most)))
    drawn = "▓" * full + "░" * (BAR - full)
    words = _words(account, level, language)
    return say(f"budget_bar_{account.limit.of}", language, bar=drawn, **words)


def described(limit: Limit, language: Language) -> str:
    """*limit* in words, such as `$2.00 / day`; as `/budget` takes it, but in the language."""
    text = f"{with_unit(limit, limit.most, language)} / {say(f'per_{limit.per}', language)}"
    return f"{text} (`{limit.model}`)" if limit.model else text


def with_unit(limit: Limit, much: int, language: Language) -> str:
    """*much* of the unit of *limit*, with a word for it."""
    if limit.unit == "usd":
        return shown_amount("usd", much)
    counted = "calls" if limit.unit == "tools" else limit.unit
    return CATALOGUE.count(counted, language, math.ceil(much / SCALE[limit.unit]))


def _instead(refused: Refused, language: Language) -> str:
    limit = refused.account.limit
    until = moment(refused.account.until)
    return say("budget_instead", language, until=until, model=limit.over)


def _words(account: Account, level: Level | Refused, language: Language) -> dict[str, str]:
    limit = account.limit
    most = with_unit(limit, level.most, language)
    return {
        "used": shown_amount(limit.unit, level.spent),
        "most": f"{most} (`{limit.model}`)" if limit.model else most,
        "percent": f"{100 * level.spent / max(1, level.most):.0f}",
        "period": say(f"period_{limit.per}", language),
        "until": moment(account.until),
    }


async def _tell(context: TurnContext, text: str, *, alone: bool) -> None:
    """Post a notice of our own; *alone*: to the person only, where the platform can do that."""
    first, conversation = context.first, context.claim.conversation
    try:
        reference = await context.platform.alone(first) if alone and not first.private else ""
        where = reference or first.aside or first.reply_to
        surface = context.platform.open_surface(conversation, where)
        await post(surface, text, conversation, context.services.pacer.budget, tries=1)
    except PlatformError as error:
        log.warning("budget notice not delivered", reason=str(error))
