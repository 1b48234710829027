r"""`palaver.toml`: settings that do not fit into variables.

Several models, in the order in which they are asked:

[[model]]
name = "fast"                          # what /model calls it
base_url = "https://api.deepseek.com"
model = "deepseek-v4-flash"
key = "DEEPSEEK_API_KEY"               # the variable that holds its key; several: ["A", "B"]
price = [0.14, 0.0028, 0.28]           # dollars for a million: read, cached, written
at_once = 20                           # calls at once in one process
per_minute = 500                       # calls a minute, of all processes together
continues = "prefix"                   # as LLM_CONTINUE
shape = "anthropic"                    # openai, responses, anthropic, if its address hides it
headers = {X-RateLimit-Group = "chat"} # more headers of each call
extra = {thinking = {type = "disabled"}}  # more fields of each request
parameters = {temperature = 0.2, reasoning_effort = "high"}  # see `core.models.parameters`
ways = {window = 32768, pictures = false} # what it takes (else it is learned): window,
                                       # most_tokens, pictures, links, sounds, tools, searches,
                                       # stream, prefill, system,
                                       # without = ["temperature"], renamed = {...}
first_s = 900                          # a deadline of its own, as LLM_FIRST_S; silence_s, whole_s

More personas:

[[persona]]
name = "support"                       # what /persona calls it
text = "You help our customers."       # or: text_in = "support.md", beside this file
model = "fast"                         # the model, if nobody chose another
knows = ["faq.md"]                     # files beside this one with what it must know
parameters = {temperature = 0.7}       # these come before the model's own
starters = ["What is new?"]            # questions that are offered as buttons

Settings for one chat or channel, until somebody there chooses something else:

[[place]]
id = "slack:C012345"                   # platform:id, as in ALLOWED_CHATS; or a whole tenant
about = "Support for our shop."        # what the place is for
knows = ["shop.md"]
persona = "support"
model = "fast"                         # also: parameters = {temperature = 0.2}
timezone = "Europe/Berlin"
tools = ["time", "crm__*"]             # which tools may be used there; nothing said: all

More bots of a platform, as [[telegram]]: see `bots/tenants.py`.

Budgets, as in BUDGETS, and some that do not fit there:

[[budget]]
of = "person"                          # each person; or: place, tenant
who = "telegram:42"                    # only this person or place
most = ["2 usd/day", "50 pictures/week"]
model = "gpt-5*"                       # only what such models cost
over_budget = "fast"                   # the model that answers when it is used up

Words that may not pass, and what happens to a text with one:

[[filter]]
action = "mask"                        # mask, stop or refuse
words = ["..."]
words_in = "words.txt"                 # more of them, one a line, beside this file
patterns = ["\\d{16}"]
of = ["question", "answer"]

[moderation]
base_url = "https://api.openai.com/v1"
model = "omni-moderation-latest"
key = "OPENAI_API_KEY"

Tools of MCP servers (`core.mcp.entry` explains each line):

[[tools.server]]
name = "crm"                           # before the names of its tools: crm__find
url = "https://mcp.example.com/mcp"    # or: command = ["uvx", "mcp-server-x"]
key = "CRM_TOKEN"                      # the variable that holds a bearer token
allow = ["find", "get_*", "update_*"]  # which may be used; nothing listed: none
read = ["find", "get_*"]               # those that change nothing
ask = ["update_*"]                     # those that always ask first
places = ["slack:T1"]                  # where; nothing listed: everywhere
"""

import re
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from core import tenant_names
from core.errors import ConfigError
from core.mcp.entry import ServerEntry
from core.models.filter import Action, Filter, Rule
from core.models.parameters import Parameters
from core.models.providers import Continues, Shape
from core.models.text_files import text_in
from core.models.ways import Ways
from core.net.urls import fault_of
from core.secret import SECRET_NAME, keep_secret, secrets_of, secrets_of_command, unsendable

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+\Z")]
Id = Annotated[str, msgspec.Meta(max_length=200, pattern=rf"^{tenant_names.NAME}:\S+\Z")]
"""`platform:id`."""
_HERE = rf"^({tenant_names.NAME}:\S+|[^:]+[+][^:]+)\Z"
Here = Annotated[str, msgspec.Meta(max_length=200, pattern=_HERE)]
"""`platform:id`, or all of a tenant with a name of its own: `telegram+shop`."""
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Dollars = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class ModelEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    base_url: str
    model: Name
    key: str | Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)] = ""
    price: tuple[Dollars, ...] = ()
    at_once: Count = 0
    per_minute: Count = 0
    continues: Continues | None = None
    shape: Shape | None = None
    headers: dict[str, str] = {}
    extra: dict[str, Any] = {}
    parameters: Parameters = Parameters()
    ways: Ways = Ways()
    first_s: Seconds = 0.0
    silence_s: Seconds = 0.0
    whole_s: Seconds = 0.0


class ModerationEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    base_url: str
    model: str
    key: str = ""


class PersonaEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    text: str = ""
    text_in: str = ""
    model: str = ""
    parameters: Parameters = Parameters()
    knows: tuple[str, ...] = ()
    starters: tuple[str, ...] = ()


class PlaceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Here
    about: str = ""
    knows: tuple[str, ...] = ()
    persona: str = ""
    model: str = ""
    parameters: Parameters = Parameters()
    timezone: str = ""
    tools: tuple[str, ...] = ("*",)


class BudgetEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    of: Literal["person", "place", "tenant"]
    most: str | Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    who: Here = ""
    model: str = ""
    over_budget: str = ""


class FilterEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: Action
    words: tuple[str, ...] = ()
    words_in: str = ""
    patterns: tuple[str, ...] = ()
    of: tuple[Literal["question", "answer"], ...] = ("question", "answer")


class Tools(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What tools there are, besides the built-in ones. *server*: MCP servers."""

    server: tuple[ServerEntry, ...] = ()


class PalaverFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the file."""

    model: tuple[ModelEntry, ...] = ()
    filter: tuple[FilterEntry, ...] = ()
    persona: tuple[PersonaEntry, ...] = ()
    place: tuple[PlaceEntry, ...] = ()
    moderation: ModerationEntry | None = None
    budget: tuple[BudgetEntry, ...] = ()
    tools: Tools = Tools()

    def filter_of(self, direction: Literal["question", "answer"], beside: Path) -> Filter:
        """The filter for questions or for answers. *beside* is the folder of the word lists.

        Raises:
            ConfigError: a list cannot be read, or holds a word that cannot be searched for.
        """
        try:
            return Filter(
                Rule(entry.action, [*entry.words, *_listed(entry, beside)], entry.patterns)
                for entry in self.filter
                if direction in entry.of
            )
        except ImportError as error:
            text = "words need ahocorasick-rs, which this Python does not have yet"
            raise ConfigError("PALAVER_CONFIG", text) from error
        except (OSError, ValueError) as error:
            raise ConfigError("PALAVER_CONFIG", f"filter: {error}") from error


def _listed(entry: FilterEntry, beside: Path) -> Iterator[str]:
    if entry.words_in:
        yield from text_in(beside / entry.words_in).splitlines()


def read_palaver_file(path: Path, others: Collection[str] = ()) -> PalaverFile:
    """The content of the file *path*, without the tables of the names *others*.

    Raises:
        ConfigError: the file cannot be read, or its content is not valid.
    """
    try:
        tables = tomllib.loads(text_in(path)).items()
        ours = {name: table for name, table in tables if name not in others}
        found = msgspec.convert(ours, PalaverFile)
    except OSError as error:
        raise ConfigError("PALAVER_CONFIG", f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        # Not TOML, no text, another type than expected, or in each other too deep.
        raise ConfigError("PALAVER_CONFIG", f"{path}: {error}") from error
    keep_secret(*_secrets_in(found))
    check(found, str(path))
    return found


def _secrets_in(file: PalaverFile) -> Iterator[str]:
    """Those that stand in the file itself. All others it only names."""
    for model in file.model:
        yield from secrets_of(model.base_url)
        yield from (value for name, value in model.headers.items() if SECRET_NAME.search(name))
    for server in file.tools.server:
        yield from secrets_of(server.url)
        yield from secrets_of_command(server.command)
    if file.moderation is not None:
        yield from secrets_of(file.moderation.base_url)


def check(found: PalaverFile, path: str) -> None:
    """Raises `ConfigError` if what stands in *found* does not go together. *path*: where it is."""
    named = {
        "model": [entry.name for entry in found.model],
        "persona": [entry.name.lower() for entry in found.persona],
        "place": [entry.id for entry in found.place],
        "tools.server": [entry.name for entry in found.tools.server],
    }
    for kind, names in named.items():
        if len(set(names)) < len(names):
            raise ConfigError("PALAVER_CONFIG", f"{path}: each {kind} needs a name of its own")
    for entry in found.model:
        if len(entry.price) not in (0, 3):
            raise ConfigError("PALAVER_CONFIG", f"{path}: {entry.name} needs three prices, or none")
        if fault := _fault(entry.base_url) or next(
            filter(None, map(_odd, entry.headers.items())), ""
        ):
            raise ConfigError("PALAVER_CONFIG", f"{path}: {entry.name}: {fault}")
    for server in found.tools.server:
        server.check()
    for who, model in _asking(found):
        if found.model and model and model not in named["model"]:
            raise ConfigError("PALAVER_CONFIG", f"{path}: {who}: there is no model named {model}")
    if found.moderation is not None and (fault := _fault(found.moderation.base_url)):
        raise ConfigError("PALAVER_CONFIG", f"{path}: the moderation: {fault}")


def _asking(file: PalaverFile) -> Iterator[tuple[str, str]]:
    """The personas, places and budgets, each with the model that it names."""
    yield from ((f"persona {entry.name}", entry.model) for entry in file.persona)
    yield from ((f"place {entry.id}", entry.model) for entry in file.place)
    yield from ((f"budget of {entry.of}", entry.over_budget) for entry in file.budget)


def _fault(base_url: str) -> str:
    """What is wrong with *base_url*. It may hold a password, so it is not quoted."""
    if not base_url.startswith(("http://", "https://")):
        return "base_url must begin with http:// or https://"
    fault = fault_of(base_url, user=True)
    return f"base_url {fault}" if fault else ""


def _odd(header: tuple[str, str]) -> str:
    name, value = header
    if not _TOKEN.fullmatch(name):
        return "headers: a name is none that a header may have"
    fault = unsendable(value)
    return f"headers: {name} {fault}" if fault else ""


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, 5.6.2."""
