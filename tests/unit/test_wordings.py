"""What servers say when they refuse, in their own words: what it means, and what it teaches."""

import json
import re
from pathlib import Path

import pytest

from core.errors import Overloaded, Refused
from core.languages.catalogue import say
from core.models import completions
from core.models.lessons import lesson_of
from core.models.refusals import is_error, read_error, told_in
from core.models.request import ChatMessage, ChatRequest
from core.models.ways import Ways
from tests.servers.wordings import WORDINGS

BODY = {
    "model": "m",
    "messages": [],
    "stream": True,
    "stream_options": {},
    "max_tokens": 9000,
    "temperature": 1,
    "top_p": 1,
    "reasoning_effort": "low",
    "verbosity": "low",
}


def asked(picture):
    history = [
        one
        for number in range(30)
        for one in (
            ChatMessage("user", f"{number} " + "word " * 200),
            ChatMessage("assistant", "so"),
        )
    ]
    images = ("data:image/png;base64,AAAA",) if picture else ()
    newest = ChatMessage("user", "what is it?", images)
    return ChatRequest((ChatMessage("system", "Be kind."), *history, newest))


def meant(wording):
    """What is understood of it, in the words of `Wording.means`."""
    error = read_error(told_in(wording.body), wording.status if wording.status != 200 else 0)
    if isinstance(error, Overloaded):
        return "busy"
    lesson = lesson_of(error, asked("pictures" in wording.means), BODY, Ways())
    if lesson is None:
        return error.reason
    told = str(lesson.ways)
    return re.sub(r"window [\d,]+ tokens", "window ?", told) if "?" in wording.means else told


@pytest.mark.parametrize("wording", WORDINGS, ids=lambda one: f"{one.who} {one.means}")
def test_a_refusal_in_its_servers_words_is_understood(wording):
    assert meant(wording) == wording.means


@pytest.mark.parametrize(
    "wording",
    [one for one in WORDINGS if is_error(told_in(one.body))],
    ids=lambda one: f"{one.who} {one.means}",
)
def test_what_is_said_before_a_refusal_inside_a_stream_is_kept(wording):
    """Such an error comes with 200, behind what was good."""
    reader, some = completions.Reader(), []
    reader.read(json.dumps({"choices": [{"delta": {"content": "half"}}]}).encode(), some)
    with pytest.raises((type(read_error(told_in(wording.body))), Overloaded)):
        reader.read(wording.body, some)
    assert [one.text for one in some] == ["half"]


@pytest.mark.parametrize(
    ("status", "words", "reason"),
    [
        (400, "The sequence length is larger than the model's maximum: 5000 > 4096", "length"),
        (400, "Conversation history exceeds model limit", "length"),
        (400, "Your account is in arrears", "balance"),
        (400, "Your account has been disabled for non-payment", "balance"),
        (403, "Quota exhausted. Top up to continue.", "balance"),
        (422, "model: invalid value 'm'", "model"),
        (400, "Model m is not served by this endpoint", "model"),
        (400, "no provider available for model m", "model"),
        (200, "当前分组 default 下对于模型 m 无可用渠道", "model"),
        (400, "Content violates usage guidelines", "policy"),
        (400, "Input blocked by guardrail", "policy"),
        (400, "The input contains harmful content", "policy"),
        (400, "输入文本可能包含不当内容", "policy"),
        (400, "内容审核不通过", "policy"),
        # What sounds like them, and is something else.
        (400, "top_p: value is larger than 1", "request"),
        (400, "the schema violates the rules of JSON", "request"),
        (400, "messages[1]: tool results are not recognized", "request"),
    ],
)
def test_a_refusal_in_words_of_nobody_in_particular_is_understood(status, words, reason):
    for body in ({"error": {"message": words, "type": "invalid_request_error"}}, {"detail": words}):
        error = read_error(body, status if status >= 400 else 0)
        assert isinstance(error, Refused)
        assert error.reason == reason


def test_no_two_wordings_are_the_same():
    said = [(one.who, one.status, one.body) for one in WORDINGS]
    assert len(set(said)) == len(said) >= 150


# --- The table of the document -------------------------------------------------------------------

ANSWER = "the answer"
ROWS = {
    # What *means* begins with, what the person reads, calls, and what the next question does.
    "key": ("refused_key", "1, of each model", "is asked again, with this one before it"),
    "balance": ("refused_balance", "1, of each model", "is asked again, with this one before it"),
    "model": ("refused_model", "1, of each model", "is asked again, with this one before it"),
    "policy": ("refused_policy", "1", "is asked without this one"),
    "request": ("refused_request", "1", "is asked without this one"),
    "busy": ("overloaded", "4, or 1 of each model", "is asked again, with this one before it"),
    "window": (ANSWER, "2 to 4", "1 call, with the history that has room"),
    "no pictures": ("blind", "2", "1 call, without pictures"),
    "instructions": (ANSWER, "2", "1 call, right at once"),
    "without": (ANSWER, "2", "1 call, without it"),
    "at most": (ANSWER, "2", "1 call, with that limit"),
}
NAMES = {
    "window": "the history is longer than its window",
    "no pictures": "it sees no pictures",
    "instructions": "it takes no system role",
    "without": "it refuses a parameter",
    "at most": "it writes less than was asked for",
    "key": "the key, or a right",
    "balance": "the balance",
    "model": "the name of the model",
    "policy": "what the question says",
    "request": "anything else",
    "busy": "it is busy",
}


def table():
    lines = [
        "| what is refused | in whose words | what the person reads | calls | the next question |"
    ]
    lines.append("|---|---|---|---|---|")
    for means, (text, calls, after) in ROWS.items():
        who = list(dict.fromkeys(one.who for one in WORDINGS if one.means.startswith(means)))
        read = text if text == ANSWER else say(text, "en")
        if text == "blind":
            read = f"{ANSWER}, and: {read}"
        lines.append(f"| {NAMES[means]} | {', '.join(who)} | {read} | {calls} | {after} |")
    return "\n".join(lines)


def test_the_table_of_refusals_in_the_document_is_that_of_the_tests():
    assert table() in Path("docs/models.md").read_text("utf-8"), f"\n{table()}"
