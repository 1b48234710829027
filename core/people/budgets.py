"""Budgets: how much of what may be spent, by whom, of which models, in which period. Pure.

The operator sets them in BUDGETS and `palaver.toml`, admins with `/budget`. All use one grammar,
which `read_limit` reads. What is spent and reserved, the store keeps (`core.store.accounts`).
"""

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from core.errors import ConfigError
from core.messages import ConversationId, Spent, place_id
from core.models.palaver_file import BudgetEntry
from core.people.periods import PERS, Per, period_at
from core.people.roles import tenant_of
from core.settings import Settings

Of = Literal["person", "place", "tenant"]
Unit = Literal["usd", "tokens", "pictures", "minutes", "tools"]
MICRO = 1_000_000
"""Money is counted in millionths of a dollar: sums of whole numbers are exact."""
KINDS: Mapping[str, Of] = {"person": "person", "place": "place", "tenant": "tenant"}
_WORDS: Mapping[str, Unit] = {
    **dict.fromkeys(("usd", "$", "dollar", "dollars"), "usd"),
    **dict.fromkeys(("token", "tokens"), "tokens"),
    **dict.fromkeys(("picture", "pictures", "image", "images"), "pictures"),
    **dict.fromkeys(("minute", "minutes", "audio"), "minutes"),
    **dict.fromkeys(("tool", "tools", "calls"), "tools"),
}
SCALE: Mapping[Unit, int] = {"usd": MICRO, "tokens": 1, "pictures": 1, "minutes": 60, "tools": 1}
_THOUSANDS = {"": 1, "k": 1_000, "m": 1_000_000}
_EACH = ("/", "a", "per")
_AMOUNT = re.compile(r"(\$?)(\d{1,12}(?:\.\d{1,6})?)([km]?)\s*(\$|[a-z]+)?", re.IGNORECASE)
MOST = 10**13
"""Lua writes whole numbers exactly up to 14 digits."""
NO_LIMIT = -1


class Limit(msgspec.Struct, frozen=True):
    """At most *most* of *unit* may be spent in each period *per*.

    *of*, *who*: by each person, or the one named *who* (`platform:id`); by each place, or that one;
    by the whole tenant. *model*: only what models with such names (`gpt-5*`) spend; empty: all.
    *most* is in millionths of a dollar, tokens, pictures, seconds of audio, or calls of tools;
    `NO_LIMIT` lifts a limit that is set elsewhere. *over*: the model that answers when the rest is
    spent; its own calls do not count here.
    """

    of: Of
    unit: Unit
    most: int
    per: Per
    who: str = ""
    model: str = ""
    over: str = ""

    def counts(self, model: str) -> bool:
        """Whether calls of *model* are counted."""
        outside = bool(self.over) and model == self.over
        return not outside and (not self.model or fnmatchcase(model, self.model))

    def of_spent(self, spent: Mapping[str, Spent]) -> int:
        """How much of *spent*, by model, counts here."""
        return sum(amount(self.unit, one) for model, one in spent.items() if self.counts(model))


class Account(NamedTuple):
    """A limit in the period *name* that runs now, for *who* (never empty) of a tenant.

    *until*: when the next period begins.
    """

    limit: Limit
    who: str
    name: str
    until: datetime.datetime


def amount(unit: Unit, spent: Spent) -> int:
    """How much of *unit* is in *spent*."""
    match unit:
        case "usd":
            return round(spent.cost_usd * MICRO)
        case "tokens":
            return spent.prompt_tokens + spent.completion_tokens
        case "pictures":
            return spent.pictures
        case "minutes":
            return round(spent.audio_s)
        case "tools":
            return spent.tool_calls


def shown_amount(unit: Unit, much: int) -> str:
    """*much* of *unit* in figures, without a word for the unit (dollars have their sign)."""
    if unit == "usd":
        cents = much / MICRO
        return f"${cents:.2f}" if much % 10_000 == 0 or cents >= 100 else f"${cents:.4f}"
    if unit == "minutes":
        return f"{much / 60:.1f}".removesuffix(".0")
    return f"{much:,}"


def read_amount(text: str) -> tuple[int, Unit]:
    """The amount and unit in *text*, such as `2 usd`, `$0.50`, `200k tokens`, `90 minutes`.

    Raises:
        ValueError: *text* is none.
    """
    found = _AMOUNT.fullmatch(text.strip())
    word = "" if found is None else (found[1] or found[4] or "").lower()
    if found is None or word not in _WORDS or (found[1] and found[4]):
        raise ValueError(f"{text.strip()[:40]!r} is no amount, such as 2 usd or 100k tokens")
    unit = _WORDS[word]
    much = round(float(found[2]) * _THOUSANDS[found[3].lower()] * SCALE[unit])
    if much > MOST:
        raise ValueError(f"{text.strip()[:40]!r} is too much")
    return much, unit


def from_amount(text: str) -> str:
    """*text* from its first amount on; empty if it has none."""
    found = (one for one in _AMOUNT.finditer(text) if (one[1] or one[4] or "").lower() in _WORDS)
    first = next(found, None)
    return text[first.start() :] if first is not None else ""


def read_limit(of: Of, text: str, *, who: str = "") -> Limit:
    """The limit that *text* sets, such as `2 usd/day`, `50 pictures a week`, `$5/month gpt-5*`.

    Raises:
        ValueError: *text* is none.
    """
    words = text.replace("/", " / ", 1).split()
    ends = range(1, len(words) - 1)
    at = next((n for n in ends if words[n].lower() in _EACH and words[n + 1].lower() in PERS), 0)
    models = words[at + 2 :]
    if not at or (len(models) > 1 and "/" not in models):
        raise ValueError(f"{text.strip()[:60]!r} is no budget, such as 2 usd/day")
    most, unit = read_amount(" ".join(words[:at]))
    per = next(one for one in PERS if one == words[at + 1].lower())
    return Limit(of, unit, most, per, who, "".join(models))


def limits_of(settings: Settings, entries: Iterable[BudgetEntry]) -> tuple[Limit, ...]:
    """The limits that the operator set, in BUDGETS and its kin and in `palaver.toml`.

    Raises:
        ConfigError: one of them cannot be read.
    """
    limits: list[Limit] = []
    try:
        for part in filter(None, map(str.strip, re.split(r"[,;\n]", settings.budgets))):
            of, _, rest = part.partition(" ")
            if of not in KINDS:
                raise ValueError(f"{part[:60]!r} must begin with person, place or tenant")
            limits.append(replace(read_limit(KINDS[of], rest), over=settings.over_budget))
    except ValueError as error:
        raise ConfigError("BUDGETS", str(error)) from error
    try:
        for entry in entries:
            for text in (entry.most,) if isinstance(entry.most, str) else entry.most:
                limit = read_limit(entry.of, text, who=entry.who)
                model = entry.model or limit.model
                limits.append(replace(limit, model=model, over=entry.over_budget))
    except ValueError as error:
        raise ConfigError("PALAVER_CONFIG", f"budget: {error}") from error
    if most := settings.pictures_per_hour:
        limits.append(Limit("person", "pictures", most, "hour"))
    return tuple(limits)


def fields_of(conversation: ConversationId, person: str) -> tuple[str, ...]:
    """Under which names admins' limits for *person* in *conversation* are kept, weakest first."""
    return ("tenant", "place", "person", f"place {place_id(conversation)}", f"person {person}")


def field_of(of: Of, who: str) -> str:
    """Under which of these names the limits for *who* are kept."""
    return f"{of} {who}" if who else of


def applying(limits: Iterable[Limit], conversation: ConversationId, person: str) -> Sequence[Limit]:
    """Those of *limits* that hold for *person* in *conversation*.

    Of two that differ only in their amounts, the one for somebody by name holds, else the later.
    """
    here = _names(conversation, person)
    found: dict[tuple[str, ...], Limit] = {}
    ours = [one for one in limits if one.who in ("", here[one.of])]
    for limit in sorted(ours, key=lambda one: bool(one.who)):
        found[limit.of, limit.unit, limit.per, limit.model] = limit
    return [limit for limit in found.values() if limit.most != NO_LIMIT]


def _names(conversation: ConversationId, person: str) -> dict[Of, str]:
    # Who came by a link to another platform spends there what is theirs at home.
    tenant = tenant_of(person or conversation)
    return {"person": person, "place": place_id(conversation), "tenant": tenant}


def accounts_at(
    limits: Iterable[Limit], conversation: ConversationId, person: str, now: datetime.datetime
) -> Sequence[Account]:
    """The accounts of *limits* (see `applying`) at the moment *now*, in the place's zone."""
    here = _names(conversation, person)
    accounts = []
    for limit in limits:
        period = period_at(limit.per, now)
        accounts.append(Account(limit, here[limit.of], period.name, period.until))
    return accounts
