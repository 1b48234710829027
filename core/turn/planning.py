"""The record of a call before anything is done, and which calls are not made at all. Pure."""

import hashlib

import msgspec
from msgspec.structs import replace

from core.models.tool_calls import ToolCall, read_arguments
from core.store.journal import StepRecord
from core.tools.registry import Toolbox

ARGUMENTS_CHARS = 32_000
_CUT = "The message reached its length limit here, so this call was not made. Say less at once."
_LONG = f"Not called: the arguments are longer than {ARGUMENTS_CHARS} characters."


def _digest(tool: str, call: ToolCall) -> str:
    """The same for calls that mean the same, however a model writes them."""
    said = call.arguments.encode("utf-8", "replace")
    try:
        arguments = read_arguments(call.arguments)
        meant = said if arguments is None else msgspec.json.encode(arguments, order="sorted")
    except RecursionError:
        meant = said
    return hashlib.sha256(b"%b %b" % (tool.encode("utf-8", "replace"), meant)).hexdigest()[:16]


def planned(call: ToolCall, toolbox: Toolbox, *, cut: bool = False) -> StepRecord:
    """The record of *call* before anything is done. *cut*: its message was cut at its length."""
    known = toolbox.find(call.name)
    step = StepRecord(call=call, digest=_digest(known.spec.name if known else call.name, call))
    if len(call.arguments) > ARGUMENTS_CHARS:
        short = replace(call, arguments=call.arguments[:ARGUMENTS_CHARS])
        return replace(step, call=short, state="failed", output=_LONG)
    if cut:
        step = replace(step, state="failed", output=_CUT)
    if known is None:
        names = ", ".join(toolbox.names)
        told = f"There is no tool of this name. There are: {names}."
        return replace(step, effect="read_only", state="failed", output=told)
    spec = known.spec
    return replace(step, tool=spec.name, effect=spec.effect, foreign=spec.foreign)
