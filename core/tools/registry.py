"""The registry: which tools there are, and which of them a turn may use."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from core.messages import ConversationId
from core.models.tool_calls import ToolOffer, unprefixed
from core.tools.arguments import ArgumentCheck
from core.tools.tool import Tool, ToolContext, ToolSpec

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MOST_OFFERED = 64
"""Models choose badly among more, and providers refuse more than 128."""


class Known:
    """One tool, with the check of its arguments, and as models are told of it."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.spec = tool.spec
        self.offer = ToolOffer(self.spec.name, self.spec.description, self.spec.schema)

    def check(self) -> ArgumentCheck:
        """Made for each call: that takes no time, and kept for all tools they could take much.

        Raises:
            ValueError: the schema makes no sense.
        """
        return ArgumentCheck(self.spec.schema)


class Toolbox:
    """The tools that one turn may use."""

    def __init__(self, known: Mapping[str, Known]) -> None:
        self._known = known
        self.offers = tuple(one.offer for one in known.values())

    def find(self, name: str) -> Known | None:
        """The tool that a model means by *name*. Some put a prefix before it."""
        return self._known.get(name) or self._known.get(unprefixed(name))

    @property
    def names(self) -> Sequence[str]:
        return list(self._known)


class Tools:
    """All tools of this program: *tools*, and those that servers offer now, by *served*.

    Raises:
        ValueError: a name is odd or used twice.
    """

    def __init__(
        self, tools: Iterable[Tool] = (), served: Callable[[], Mapping[str, Known]] = dict
    ) -> None:
        self._served = served
        self._known: dict[str, Known] = {}
        for tool in tools:
            name = tool.spec.name
            if not _NAME.fullmatch(name) or name in self._known:
                raise ValueError(f"a tool may not be called {name!r}")
            self._known[name] = Known(tool)

    def __iter__(self) -> Iterator[ToolSpec]:
        return iter([known.spec for known in self._all.values()])

    def spec_of(self, name: str) -> ToolSpec | None:
        known = self._all.get(name)
        return known.spec if known is not None else None

    @property
    def _all(self) -> Mapping[str, Known]:
        # No server can take the name or the place of one of our tools.
        return {**self._known, **self._served(), **self._known}

    def for_turn(self, context: ToolContext) -> Toolbox:
        """The tools that the turn of *context* may use. It does not know of others."""
        allowed = {name: known for name, known in self._all.items() if may_use(known.spec, context)}
        return Toolbox(dict(list(allowed.items())[:MOST_OFFERED]))


def may_use(spec: ToolSpec, context: ToolContext) -> bool:
    """Whether the place and the role of *context* may use a tool."""
    here = not spec.places or any(_within(context.conversation, place) for place in spec.places)
    allowed = may_name(context, spec.name)
    return here and allowed and (not spec.roles or context.role in spec.roles)


def may_name(context: ToolContext, name: str) -> bool:
    """Whether the operator and the people of the place want a tool of this *name* there."""
    return named_in(context.allowed, name) and named_in(context.chosen, name)


def named_in(patterns: Iterable[str], name: str) -> bool:
    """Whether one of *patterns* (`time`, `crm__*`) names the tool."""
    return any(fnmatchcase(name, one) for one in patterns)


def _within(conversation: ConversationId, place: str) -> bool:
    return f"{conversation}:".startswith(f"{place}:")
