"""The record of a call before anything is done, and which calls are not made at all. Pure."""

import hashlib

from msgspec.structs import replace

from core.models.tool_calls import ToolCall
from core.store.journal import StepRecord
from core.tools.registry import Toolbox

ARGUMENTS_CHARS = 32_000
_CUT = "The message reached its length limit here, so this call was not made. Say less at once."
_LONG = f"Not called: the arguments are longer than {ARGUMENTS_CHARS} characters."


def planned(call: ToolCall, toolbox: Toolbox, *, cut: bool = False) -> StepRecord:
    """The record of *call* before anything is done. *cut*: its message was cut at its length."""
    known = toolbox.find(call.name)
    digest = hashlib.sha256(f"{call.name} {call.arguments}".encode("utf-8", "replace"))
    step = StepRecord(call=call, digest=digest.hexdigest()[:16])
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
