"""Thinking inside an answer, told apart however it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models.chunks import ReasoningDelta, TextDelta, Withdrawn
from core.models.thinking import ThinkSplitter


def split(pieces, **more):
    splitter = ThinkSplitter(**more)
    deltas = [delta for piece in pieces for delta in splitter.take(piece)] + splitter.rest()
    back = max((at for at, one in enumerate(deltas) if one == Withdrawn()), default=0)
    thought = "".join(d.text for d in deltas if isinstance(d, ReasoningDelta))
    return thought, "".join(d.text for d in deltas[back:] if isinstance(d, TextDelta))


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
        ("<thinking>hm</thinking>\nyes", "hm", "yes"),
        ("<thought>hm</thought>yes", "hm", "yes"),
        ("[THINK]hm[/THINK]yes", "hm", "yes"),
        ("◁think▷hm◁/think▷yes", "hm", "yes"),
        ("<think>a</think>\n<think>b</think>yes", "ab", "yes"),
        (
            "<|channel|>analysis<|message|>hm<|end|><|start|>assistant"
            "<|channel|>final<|message|>yes<|return|>",
            "hm",
            "yes",
        ),
        ("<|channel|>final<|message|>yes<|return|>", "", "yes"),
        # The template wrote the beginning.
        ("hm\n</think>\n\nyes", "hm", "yes"),
        ("hm</think>yes", "hm", "yes"),
        ("hm. </think>\nyes", "hm.", "yes"),
        ("a list: [1] and 2 > 1\n[/THINK]\nyes", "a list: [1] and 2 > 1", "yes"),
        ("hm◁/think▷yes", "hm", "yes"),
        # Somebody writes about it.
        ("Close it with `</think>`.", "", "Close it with `</think>`."),
        ("Close it with </think> and go on", "", "Close it with </think> and go on"),
        ('say "</think>" then', "", 'say "</think>" then'),
        ("```\n<think>\nx\n</think>\n```\nso", "", "```\n<think>\nx\n</think>\n```\nso"),
        ("```\nx\n</think>\n```\nso", "", "```\nx\n</think>\n```\nso"),
        ("Models say <think> at first.", "", "Models say <think> at first."),
        ("Close it by writing </think>\nThen it follows.", "", None),
        ("Use:\n    </think>\nto end.", "", None),
        ("~~~\nx\n</think>\n~~~\nso", "", None),
        ("It is\n> </think>\nso", "", None),
        ("So\n1. </think>\n2. x", "", None),
        ("| tag | </think> |\n|-|-|", "", None),
        ("The tag **</think>** ends it.", "", None),
        ("This closes it: </think>\nsee?", "", None),
        ("all of it</think>", "", "all of it</think>"),
    ],
)
@given(data=st.data())
def test_a_tag_cut_anywhere_is_found(text, thought, answer, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert split(pieces) == (thought, text if answer is None else answer)


def test_an_answer_that_is_continued_holds_no_thinking():
    assert split(["<think>", "x</think>"], begun=True) == ("", "<think>x</think>")


@given(st.lists(st.text(alphabet="<think/>ab \n", max_size=8)))
def test_without_a_tag_nothing_changes(pieces):
    text = "".join(pieces)
    if not text.lstrip().startswith("<think>") and "</think>" not in text and text.strip():
        assert split(pieces) == ("", text)
