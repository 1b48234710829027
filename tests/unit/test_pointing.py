"""Which files of what was said before a question it asks about."""

import pytest

from core.messages import Attachment
from core.said import Said
from core.turn.pointing import pointed_at


def file(name, kind="file"):
    return Attachment(kind, f"ref:{name}", name)


TALK = [
    Said(message=str(at), at=at, author="Ann", text="", attachments=(one,))
    for at, one in enumerate(
        (
            file("old.png", "image"),
            file("budget-2026.xlsx"),
            file("Q3_report-final.pdf"),
            file("a.png", "image"),
            file("b.png", "image"),
            file("c.png", "image"),
            file("plan.pdf"),
            file("memo.ogg", "audio"),
        )
    )
]


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("what do they want?", []),
        ("what is in the picture?", ["a.png", "b.png", "c.png"]),
        ("Was steht in der Datei?", ["budget-2026.xlsx", "Q3_report-final.pdf", "plan.pdf"]),
        ("这张图里有什么?", ["a.png", "b.png", "c.png"]),
        ("что в голосовом сообщении?", ["memo.ogg"]),
        ("ما في الملف؟", ["budget-2026.xlsx", "Q3_report-final.pdf", "plan.pdf"]),
        ("sum up Budget-2026.xlsx", ["budget-2026.xlsx"]),
        ("sum up budget-2026", ["budget-2026.xlsx"]),
        ("is that within the budget?", ["budget-2026.xlsx"]),
        ("what does the Q3 report say?", ["Q3_report-final.pdf"]),
        ("did he report it, in the final?", ["Q3_report-final.pdf"]),
        ("did he report it?", []),
        ("is budget-20267 a number?", []),
        ("compare plan.pdf and old.png", ["old.png", "plan.pdf"]),
        ("imagine a profile", []),
    ],
)
def test_a_question_opens_the_files_that_it_names_or_the_newest_of_a_kind(question, names):
    assert [one.name for one in pointed_at(question, TALK)] == names


def test_a_word_for_files_means_those_that_come_with_the_question():
    own = [file("mine.png", "image")]
    assert pointed_at("what is in the picture?", TALK, own) == []
    assert [one.name for one in pointed_at("is it like old.png?", TALK, own)] == ["old.png"]
