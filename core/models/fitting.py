"""Fits a request to the model that is asked: what it cannot take is left out or told in words."""

import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from core.models.providers import Endpoint
from core.models.request import ChatRequest
from core.models.shapes import Shape
from core.models.tool_calls import foreign, told_apart
from core.models.ways import Ways, blind, deaf, handless


def fitted(request: ChatRequest, ways: Ways, shape: Shape, by: str) -> ChatRequest:
    """*request* as a model with these *ways* can be asked. *by*: as in `reader_of`."""
    request = request if shape.hears else deaf(request)
    request = request if shape.sees else blind(request)
    request = request if shape.calls else handless(request)
    if request.rounds:
        kept = foreign(request.rounds, "" if ways.thoughts == "no" else by)
        request = replace(request, rounds=told_apart(kept))
    return ways.fit(request)


def reader_of(endpoint: Endpoint, model: str, shape: str) -> str:
    """A name for who can read signed thinking: the same model, asked with the same key."""
    told = f"{endpoint.base_url} {model} {endpoint.api_key} {shape}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def with_extra(asked: dict[str, object], extra: Mapping[str, Any]) -> dict[str, object]:
    """*asked* with the operator's own fields. Both name tools: all are offered."""
    ours, theirs = asked.get("tools"), extra.get("tools")
    merged: dict[str, object] = {**asked, **extra}
    if isinstance(ours, list) and isinstance(theirs, list):
        merged["tools"] = [*theirs, *ours]
    return merged
