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
        # gpt-oss, from its first token on, and with a tool's channel between.
        (
            "<|start|>assistant<|channel|>analysis<|message|>hm<|end|><|start|>assistant"
            "<|channel|>final<|message|>yes<|return|>",
            "hm",
            "yes",
        ),
        (
            "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary"
            "<|message|>, hm<|end|><|start|>assistant<|channel|>final<|message|>yes",
            "hm, hm",
            "yes",
        ),
        ("<|start|>assistant<|channel|>final<|message|>yes<|return|>", "", "yes"),
        # A form was asked for (`response_format`).
        (
            "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final "
            '<|constrain|>json<|message|>{"a": 1}<|return|>',
            "hm",
            '{"a": 1}',
        ),
        ('<|channel|>final <|constrain|>json<|message|>{"a": 1}', "", '{"a": 1}'),
        # As they are written besides, in any case.
        ("<Think>hm</Think>yes", "hm", "yes"),
        ("<THINK>hm</think>yes", "hm", "yes"),
        ("<Thinking>hm</thinking>yes", "hm", "yes"),
        ("[think]hm[/think]yes", "hm", "yes"),
        ("<reasoning>hm</reasoning>yes", "hm", "yes"),
        ("<reason>hm</reason>yes", "hm", "yes"),
        ("<reflection>hm</reflection>\nyes", "hm", "yes"),
        ("<scratchpad>hm</scratchpad>yes", "hm", "yes"),
        ("<antThinking>hm</antThinking>yes", "hm", "yes"),
        ("<seed:think>hm</seed:think>yes", "hm", "yes"),
        ("<longcat_think>hm</longcat_think>yes", "hm", "yes"),
        (
            "<|begin_of_thought|>hm<|end_of_thought|>\n<|begin_of_solution|>yes<|end_of_solution|>",
            "hm",
            "yes",
        ),
        ("<unused94>thought\nhm<unused95>yes", "\nhm", "yes"),
        ("<|channel>thought\nhm<channel|>yes", "\nhm", "yes"),
        # Behind what nobody sees, or what a template says first.
        ("\ufeff<think>hm</think>yes", "hm", "yes"),
        (" \t\r\n\u200b\u3000<think>hm</think>\u200b yes", "hm", "yes"),
        ("\ufeff\ufeff\n<|channel|>final<|message|>yes", "", "yes"),
        ("<|im_start|>assistant\n<think>hm</think>yes", "hm", "yes"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\n<think>hm</think>yes", "hm", "yes"),
        ("<|assistant|><think>hm</think>yes", "hm", "yes"),
        ("assistant\n<think>\nhm\n</think>\nyes", "hm", "yes"),
        # Behind a beginning that was said aloud.
        ("Let me think.\n<think>\nhm\n</think>\nyes", "hm", "Let me think.\n\nyes"),
        ("好的。\n\n<think>hm</think>yes", "hm", "好的。\n\nyes"),
        ("I see!\n<Reasoning>\nhm.\n</Reasoning>\n\nyes", "hm.", "I see!\n\nyes"),
        # On the same line.
        ("Sure! <think>hm</think>yes", "hm", "Sure!\n\nyes"),
        ("Sure!<think>\nhm\n</think>\n\nYes.", "hm", "Sure!\n\nYes."),
        ("好的。<Thinking>hm</Thinking>yes", "hm", "好的。\n\nyes"),
        ("Okay. Let me see... [THINK]hm[/THINK]yes", "hm", "Okay. Let me see...\n\nyes"),
        ("An example. <think>hm</think> is it.", "", None),
        ("This is the tag: <think>hm</think> it is.", "", None),
        ("Sure, `<think>hm</think>` it is.", "", None),
        # With blanks, and with attributes.
        ("<think >hm</think >yes", "hm", "yes"),
        ("<think\n>hm</think\n>yes", "hm", "yes"),
        ('<thinking budget="12" mode = deep>hm</thinking>yes', "hm", "yes"),
        ("<Think a='1'>hm</THINK \t>yes", "hm", "yes"),
        ("<think/>yes", "", "yes"),
        ("<think />\n\nyes", "", "yes"),
        ("hm</think >yes", "hm", "yes"),
        ('Sure! <think a="1">hm</think >yes', "hm", "Sure!\n\nyes"),
        ("<think about it> is no tag", "", None),
        ("<thought experiments> are", "", None),
        ("<think a < b", "", None),
        # Never closed.
        ("\ufeff<Think>hm", "hm", ""),
        ("<|start|>assistant<|channel|>analysis<|message|>hm", "hm", ""),
        ("<reasoning>hm</reason", "hm</reason", ""),
        # The template wrote the beginning.
        ("hm</Think>yes", "hm", "yes"),
        ("hm.\n</reasoning>\nyes", "hm.", "yes"),
        ("</think>yes", "", "yes"),
        ("\ufeff</think>\n\nyes", "", "yes"),
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
        ("So it looks like this:\n<think>\nhm\n</think>\nyes", "", None),
        ("An example\n<think>\nhm\n</think>\nof it.", "", None),
        ("See.\n```xml\n<think>\nhm\n</think>\n```\nso", "", None),
        ("<thinker>hm</thinker>", "", None),
        ("<reasonable people>", "", None),
        ("<b>think</b>", "", None),
        ("[Thinker] said", "", None),
        ("<|channels|> are many", "", None),
        ("İ<think>hm</think>yes", "", None),
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


@pytest.mark.parametrize(
    "one", ["<think></think>", "<|start|>assistant", "<think>a</think>\n", "<|channel|>final", " "]
)
def test_tags_without_an_end_end(one):
    """However many a model writes, in one piece or letter by letter."""
    text = one * 5_000
    thought, answer = split([text])
    assert len(thought) + len(answer) <= len(text)
    split(text[:20_000])
