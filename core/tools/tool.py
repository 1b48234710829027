"""The port `Tool`: what a model may call, and the values that cross it."""

import datetime
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from core.errors import PalaverError
from core.messages import Attachment, Button, ConversationId, Effect
from core.models.chunks import Source

TIMEOUT_S = 30.0
MOST_CHARS = 16_000
"""How much of a result the model reads, if the tool does not say less."""


class ToolSpec(msgspec.Struct, frozen=True):
    """What is known of a tool before it is called.

    Args:
        name: at most 64 letters, digits, `_` and `-`. Every provider takes such a name.
        description: for the model. People do not see it.
        schema: the JSON schema of the arguments, an object.
        effect: what a call does outside.
        timeout_s: how long a call may take.
        most_chars: how much of its result the model reads.
        foreign: it brings back text of strangers (pages, search results). A turn that has read such
            text is tainted.
        places: where it may be used: places or parts of their names (`slack:C01`, `telegram`).
            Empty: everywhere.
        roles: whose turns may use it. Empty: everybody's.
        asks: the person is asked first, each time.
        own: what it does concerns who asks and nobody else, as their picture or their reminder. So
            it asks first only after text of strangers was read.
        by_pictures: strangers' pictures alone do not make it ask first: it is there to change them.
        sends: what it is called with goes to a server of others. Once text of strangers was read,
            it asks before it gets an address that nobody named: that may carry away what was read.
    """

    name: str
    description: str
    schema: dict[str, Any]
    effect: Effect
    timeout_s: float = TIMEOUT_S
    most_chars: int = MOST_CHARS
    foreign: bool = False
    places: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    asks: bool = False
    own: bool = False
    by_pictures: bool = False
    sends: bool = False


class ToolContext(msgspec.Struct, frozen=True):
    """For whom a tool is called, and where.

    Args:
        person: the id of the person who asks.
        role: what the person may do here.
        now: the time, in the zone of the place.
        allowed: patterns of the tools that the operator lets the place use.
        chosen: patterns of those that people chose there.
        key: the same for every try of this call, and for no other call. A service that knows keys
            for idempotency does the call once.
        tainted: whether the turn has read text of strangers.
        addresses: the web addresses in the person's words and in the results of this turn, as
            `core.tools.addresses.same` writes them.
        cited: how many sources this turn has already.
        progress: to be called with a few words when there is something to say of the progress.
        of_turn: what tools may do in the turn itself, by their names (`core.tools.of_turn`).
    """

    conversation: ConversationId
    person: str
    role: str
    private: bool
    now: datetime.datetime
    allowed: tuple[str, ...] = ("*",)
    chosen: tuple[str, ...] = ("*",)
    key: str = ""
    tainted: bool = False
    addresses: frozenset[str] = frozenset()
    cited: int = 0
    progress: Callable[[str], None] = lambda _: None
    of_turn: Mapping[str, "Action"] = {}


class ToolResult(msgspec.Struct, frozen=True):
    """What came of a call.

    *sources*: the pages that it stands on. *pictures*: those that it posted. *told*: what the
    person reads under the answer, whatever the model says of it; *buttons* stand there too.
    *harmless*: against the rule of its tool, there is no text of strangers in it.
    """

    text: str
    sources: tuple[Source, ...] = ()
    is_error: bool = False
    pictures: tuple[Attachment, ...] = ()
    told: str = ""
    buttons: tuple[Button, ...] = ()
    harmless: bool = False


Action = Callable[[Mapping[str, Any], ToolContext], Awaitable[ToolResult]]
"""What a tool does, with arguments that fit its schema. Raises as `Tool.call`."""


class ToolError(PalaverError):
    """The call failed. The model reads the text, and may try something else."""


class ToolUnsure(ToolError):
    """The call failed in a way that leaves open whether it was done."""


class SignInNeeded(ToolError):
    """The person must first sign in to *server*, which asks for *scope*. Nothing was done."""

    def __init__(self, server: str, scope: str = "") -> None:
        super().__init__(f"the person must sign in to {server} first")
        self.server = server
        self.scope = scope


class Tool(Protocol):
    """Something that a model may call."""

    @property
    def spec(self) -> ToolSpec: ...

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """Do it. *arguments* fit the schema. The caller keeps the time and cancels.

        Raises:
            ToolError: it cannot be done. A cancelled call with effects may have happened.
            ToolUnsure: nobody knows whether it was done.
        """
        ...
