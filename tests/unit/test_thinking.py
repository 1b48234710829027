"""Thinking inside an answer, told apart however it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models.chunks import ReasoningDelta, TextDelta
from core.models.thinking import ThinkSplitter


def split(pieces, **more):
    splitter = ThinkSplitter(**more)
    deltas = [delta for piece in pieces for delta in splitter.take(piece)] + splitter.rest()
    thought = "".join(d.text for d in deltas if isinstance(d, ReasoningDelta))
    return thought, "".join(d.text for d in deltas if isinstance(d, TextDelta))


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("<think>\nhm\n</think>\n\nyes", "\nhm\n", "yes"),
        ("\n<think>hm</think>yes", "hm", "yes"),
        ("<think></think>\n\nyes", "", "yes"),
        ("plain", "", "plain"),
        ("<thinking about it", "", "<thinking about it"),
        ("<thi", "", "<thi"),
        ("use <think> in HTML </think>", "", "use <think> in HTML </think>"),
        ("<think>never closed", "never closed", ""),
        ("<think>a < b </ c</think>ok", "a < b </ c", "ok"),
    ],
)
@given(data=st.data())
def test_a_tag_cut_anywhere_is_found(text, thought, answer, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert split(pieces) == (thought, answer)


def test_an_answer_that_is_continued_holds_no_thinking():
    assert split(["<think>", "x</think>"], begun=True) == ("", "<think>x</think>")


@given(st.lists(st.text(alphabet="<think/>ab \n", max_size=8)))
def test_without_a_tag_nothing_changes(pieces):
    text = "".join(pieces)
    if not text.lstrip().startswith("<think>") and "</think>" not in text and text.strip():
        assert split(pieces) == ("", text)
