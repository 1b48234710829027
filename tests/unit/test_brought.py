"""Which addresses a step brought: not those that the model sent with the call."""

import pytest

from core.models.tool_calls import ToolCall
from core.store.journal import StepRecord
from core.turn.journal import brought_by

MADE_UP = "https://elsewhere.example/?d=secret"


@pytest.mark.parametrize(
    "sent",
    [
        MADE_UP,
        MADE_UP.replace("/", "\\/"),
        "\\u0068" + MADE_UP[1:],
        MADE_UP.replace("https", "http"),
        MADE_UP.removeprefix("https://"),
    ],
)
def test_an_address_that_a_tool_only_says_back_was_not_brought_by_it(sent):
    step = StepRecord(
        call=ToolCall("1", "find", f'{{"query": "see {sent}"}}'),
        output=f"Nothing about see {MADE_UP}, but https://found.example/a",
        state="done",
    )
    assert brought_by(step) == {"https://found.example/a"}
