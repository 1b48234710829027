"""What a model takes and what not: said by the operator, or learned from what it refused. Pure.

Every API of one shape refuses something that the others take, and the next model of the same
provider something else. So a request that is refused for a part that it can do without is sent
again without that part, and the model's ways are kept (`core.models.learned`).
"""

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from core.models.context_window import trimmed
from core.models.request import ChatRequest, Traits

BLIND = "[you cannot see the pictures that came with this: say so]"
DEAF = "[you cannot hear the voice message that came with this: say so]"
NEWEST = 0.2
"""So much does the newest answer count for what is typical."""
NEEDED = frozenset(("model", "messages", "stream", "system"))
LENGTHS = ("max_tokens", "max_completion_tokens")
LEAST_THINKING = 1_024
"""Anthropic takes no smaller budget."""


class Ways(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A model's ways; a default says that nothing is known.

    Args:
        without: fields of the request that it refuses.
        renamed: fields that it knows by another name.
        system: the role that its instructions have, where it is not `system`.
        stream: whether it streams.
        prefill: whether it goes on from what it is told to have begun.
        pictures: whether it sees.
        links: whether it fetches pictures from addresses, and is not sent them.
        sounds: whether it hears.
        shape: how it is asked, where not as its provider's other models.
        window: how many tokens it reads at once, its answer included.
        scale: how many of its tokens are one by `estimate_tokens`.
        most_tokens: how many it writes at most.
        first_s, speed: seconds to its first word, and tokens a second from there, of late.
    """

    without: tuple[str, ...] = ()
    renamed: dict[str, str] = {}
    system: Literal["", "developer", "user"] = ""
    stream: bool | None = None
    prefill: bool | None = None
    pictures: bool | None = None
    links: bool | None = None
    sounds: bool | None = None
    shape: Literal["", "responses"] = ""
    window: int = 0
    scale: float = 0.0
    most_tokens: int = 0
    first_s: float = 0.0
    speed: float = 0.0

    def under(self, other: "Ways") -> "Ways":
        """These, where *other* does not say something else."""
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
        """In a few words, for the operator."""
        parts = [f"window {self.window:,} tokens"] if self.window else []
        parts += [f"at most {self.most_tokens:,} written"] if self.most_tokens else []
        parts += ["no pictures"] if self.pictures is False else []
        parts += ["pictures by address"] if self.links else []
        parts += ["no sounds"] if self.sounds is False else []
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
        """These, with what one more answer shows of how fast it is."""
        if not self.speed:
            return replace(self, first_s=first_s, speed=speed)
        return replace(
            self,
            first_s=self.first_s + NEWEST * (first_s - self.first_s),
            speed=self.speed + NEWEST * (speed - self.speed),
        )

    def fit(self, request: ChatRequest) -> ChatRequest:
        """*request*, without pictures for who sees none, and with as much history as it reads."""
        if self.pictures is False:
            request = blind(request)
        if self.sounds is False:
            request = deaf(request)
        if self.most_tokens and request.max_tokens > self.most_tokens:
            request = replace(request, max_tokens=self.most_tokens)
        return trimmed(request, self.window, self.scale) if self.window else request

    def applied(self, body: dict[str, Any], needed: frozenset[str] = NEEDED) -> dict[str, Any]:
        """*body* in these ways; what is *needed* keeps its place and its name."""
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
    """Let *asked* ask for *most* tokens at most, whoever filled in how many."""
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
    """*request*, whose pictures are only mentioned."""
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
    """*request*, whose sounds are only mentioned."""
    if not hears(request):
        return request
    return replace(
        request,
        messages=tuple(
            replace(one, content=f"{DEAF}\n\n{one.content}", sounds=()) if one.sounds else one
            for one in request.messages
        ),
    )


def hears(request: ChatRequest) -> bool:
    return any(one.sounds for one in request.messages)


def sees(request: ChatRequest) -> bool:
    return any(one.images for one in request.messages)
