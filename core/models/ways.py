"""What a model accepts: set by the operator, or learned from its refusals. Pure.

APIs of the same shape differ, and so do the models of one provider: each refuses something that
others accept. If a request is refused for a part that is not essential, it is sent again without
that part. The model's ways are remembered (`core.models.learned`).
"""

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from core.models.context_window import trimmed
from core.models.request import ChatRequest, Traits
from core.models.tool_calls import in_words

BLIND = "[you cannot see the pictures that came with this: say so]"
DEAF = "[you cannot hear the voice message that came with this: say so]"
NEWEST = 0.2
"""How much the newest answer counts in the average."""
NEEDED = frozenset(("model", "messages", "stream", "system"))
LENGTHS = ("max_tokens", "max_completion_tokens")
LEAST_THINKING = 1_024
"""The smallest budget that Anthropic accepts."""


Thoughts = Literal["", "as_it_was", "empty", "space", "no"]


class Ways(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A model's ways. A default value means that nothing is known.

    Args:
        without: fields of the request that it refuses.
        renamed: fields that it knows by another name.
        system: the role of its instructions, if it is not `system`.
        stream: whether it can stream.
        prefill: whether it can continue an answer that it is given the beginning of.
        pictures: whether it accepts pictures.
        links: whether it gets pictures as addresses, and not as bytes.
        sounds: whether it accepts sounds.
        tools: whether it can be offered tools.
        searches: whether its provider searches the web for it.
        thoughts: how its thinking goes back with the results of tools: `as_it_was`; always as
            `reasoning_content`, even if it is `empty`, or with a `space` then; `no`: not at all.
        shape: its shape, if it is not that of its provider's other models.
        window: how many tokens it reads at once, its answer included.
        scale: how many of its tokens make one token of `estimate_tokens`.
        most_tokens: how many tokens it writes at most.
        first_s, speed: recent seconds to its first word, and tokens a second after that.
    """

    without: tuple[str, ...] = ()
    renamed: dict[str, str] = {}
    system: Literal["", "developer", "user"] = ""
    stream: bool | None = None
    prefill: bool | None = None
    pictures: bool | None = None
    links: bool | None = None
    sounds: bool | None = None
    tools: bool | None = None
    searches: bool | None = None
    thoughts: Thoughts = ""
    shape: Literal["", "responses"] = ""
    window: int = 0
    scale: float = 0.0
    most_tokens: int = 0
    first_s: float = 0.0
    speed: float = 0.0

    def under(self, other: "Ways") -> "Ways":
        """These ways. What *other* says counts more."""
        said = {
            name: value
            for name in self.__struct_fields__
            if (value := getattr(other, name)) or value is False
        }
        return replace(self, **said)

    @property
    def traits(self) -> Traits:
        blind, deaf = self.pictures is False, self.sounds is False
        return Traits(self.window, blind, deaf, self.first_s, self.speed)

    def __str__(self) -> str:
        """The ways in a few words, for the operator."""
        parts = [f"window {self.window:,} tokens"] if self.window else []
        parts += [f"at most {self.most_tokens:,} written"] if self.most_tokens else []
        parts += ["no pictures"] if self.pictures is False else []
        parts += ["pictures by address"] if self.links else []
        parts += ["no sounds"] if self.sounds is False else []
        parts += ["no tools"] if self.tools is False else []
        parts += ["no search of its own"] if self.searches is False else []
        parts += ["no streaming"] if self.stream is False else []
        parts += [f"asked by {self.shape}"] if self.shape else []
        parts += ["no prefill"] if self.prefill is False else []
        parts += [f"instructions as {self.system}"] if self.system else []
        parts += [f"{old} is {new}" for old, new in self.renamed.items()]
        parts += [f"without {', '.join(self.without)}"] if self.without else []
        if self.speed:
            parts.append(f"{self.speed:.0f} tokens/s, the first after {self.first_s:.1f} s")
        return ", ".join(parts)

    def paced(self, first_s: float, speed: float) -> "Ways":
        """These ways, with the speed of one more answer."""
        if not self.speed:
            return replace(self, first_s=first_s, speed=speed)
        return replace(
            self,
            first_s=self.first_s + NEWEST * (first_s - self.first_s),
            speed=self.speed + NEWEST * (speed - self.speed),
        )

    def fit(self, request: ChatRequest) -> ChatRequest:
        """*request* without what the model cannot read: pictures, sounds, too much history."""
        if self.pictures is False:
            request = blind(request)
        if self.sounds is False:
            request = deaf(request)
        if self.tools is False:
            request = handless(request)
        if self.most_tokens and request.max_tokens > self.most_tokens:
            request = replace(request, max_tokens=self.most_tokens)
        return trimmed(request, self.window, self.scale) if self.window else request

    def applied(self, body: dict[str, Any], needed: frozenset[str] = NEEDED) -> dict[str, Any]:
        """*body* changed to these ways. Fields that are *needed* keep their place and name."""
        asked = {
            name if name in needed else self.renamed.get(name, name): value
            for name, value in body.items()
            if name in needed or self.renamed.get(name, name) not in self.without
        }
        if self.most_tokens:
            _clamp(asked, self.most_tokens)
        if self.stream is False and "stream" in asked:
            asked["stream"] = False
            asked.pop("stream_options", None)
        return asked


def _clamp(asked: dict[str, Any], most: int) -> None:
    """Lower each limit of tokens in *asked* to *most*."""
    for name in (*LENGTHS, "max_output_tokens"):
        if isinstance(asked.get(name), int):
            asked[name] = min(asked[name], most)
    thinking = asked.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if thinking and isinstance(budget, int) and budget >= most:
        if most // 2 < LEAST_THINKING:
            del asked["thinking"]
        else:
            asked["thinking"] = thinking | {"budget_tokens": most // 2}


def blind(request: ChatRequest) -> ChatRequest:
    """*request* without its pictures. Words mention them instead."""
    if not sees(request):
        return request
    return replace(
        request,
        messages=tuple(
            replace(one, content=f"{BLIND}\n\n{one.content}", images=()) if one.images else one
            for one in request.messages
        ),
    )


def deaf(request: ChatRequest) -> ChatRequest:
    """*request* without its sounds. Words mention them instead."""
    if not hears(request):
        return request
    return replace(
        request,
        messages=tuple(
            replace(one, content=f"{DEAF}\n\n{one.content}", sounds=()) if one.sounds else one
            for one in request.messages
        ),
    )


def handless(request: ChatRequest) -> ChatRequest:
    """*request* without tools. What was called before is told in words."""
    if not request.rounds:
        return replace(request, tools=(), searches=False)
    *before, last = request.messages
    told = f"{last.content}\n\n{in_words(request.rounds)}"
    messages = (*before, replace(last, content=told))
    return replace(request, messages=messages, tools=(), rounds=(), searches=False)


def hears(request: ChatRequest) -> bool:
    return any(one.sounds for one in request.messages)


def sees(request: ChatRequest) -> bool:
    return any(one.images for one in request.messages)
