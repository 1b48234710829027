"""What a model meant, where its server did not read it: calls left in text, or in a refusal."""

from collections.abc import AsyncIterator, Sequence

from core.errors import ModelError, Refused
from core.models.chunks import Delta, Finished, SpentBefore, TextDelta, Usage, Withdrawn
from core.models.request import ChatRequest
from core.models.text_calls import CallSplitter, meant_by
from core.models.tool_calls import Calls


def with_calls(deltas: AsyncIterator[Delta], request: ChatRequest) -> AsyncIterator[Delta]:
    """*deltas*, with the calls that stand in their text or in an error, if *request* offers any."""
    return _with_calls(deltas, request) if request.tools else deltas


async def _with_calls(deltas: AsyncIterator[Delta], request: ChatRequest) -> AsyncIterator[Delta]:
    names = _names(request)
    splitter, called = CallSplitter(names), False
    try:
        async for delta in deltas:
            if type(delta) is TextDelta:
                if shown := splitter.take(delta.text):
                    yield delta if shown is delta.text else TextDelta(shown)
                continue
            called = called or isinstance(delta, Calls)
            if isinstance(delta, Withdrawn):
                splitter = CallSplitter(names)
            elif isinstance(delta, Finished):
                if not called and (calls := splitter.calls()):
                    yield Calls(calls)
                elif splitter.held:
                    yield TextDelta(splitter.held)
            yield delta
    except ModelError as error:
        if splitter.held and not splitter.marked:
            yield TextDelta(splitter.held)  # Half a call is never shown.
        meant = meant_in(error, request)
        if not meant:
            raise
        for delta in meant:
            yield delta


def meant_in(error: ModelError, request: ChatRequest) -> Sequence[Delta]:
    """The answer that *error* holds, if its server only could not read it (Groq)."""
    said = error.generated if isinstance(error, Refused) and request.tools else ""
    if not (meant := meant_by(said, _names(request))):
        return ()
    spent = Usage.of(error)
    before = (SpentBefore(spent),) if spent != Usage() else ()
    if isinstance(meant, str):
        return (*before, TextDelta(meant), Finished("stop"))
    return (*before, Calls(meant), Finished("tools"))


def answer_in(error: ModelError, request: ChatRequest) -> AsyncIterator[Delta]:
    """As `meant_in`. Raises *error* if it holds no answer."""
    if not (meant := meant_in(error, request)):
        raise error

    async def answer() -> AsyncIterator[Delta]:
        for delta in meant:
            yield delta

    return answer()


def _names(request: ChatRequest) -> frozenset[str]:
    return frozenset(one.name for one in request.tools)
