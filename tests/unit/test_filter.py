"""What may not pass is found, however the text is cut."""

from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Refused
from core.models.filter import MASK, MOST_SIZE, REACH, Filter, Passed, Rule, Screening
from core.models.folding import fold
from core.models.guard import LEFT_OUT, Guard, GuardedModel
from core.models.pattern_size import size_of
from core.models.request import ChatMessage, ChatRequest

MASKED = Filter([Rule("mask", ["bomb", "坏人", "Straße", "two words"], [r"\b\d{4}-\d{4}\b"])])


def streamed(rules, pieces):
    screening = Screening(rules)
    passed = [screening.take(piece) for piece in pieces]
    passed.append(screening.take("", last=True))
    return "".join(one.text for one in passed)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a bomb.", "a ████."),
        ("a BOMB", "a ████"),
        ("a ｂｏｍｂ!", "a ████!"),
        ("bomber, abomb, bomb2", "bomber, abomb, bomb2"),
        ("那坏人们", "那██们"),
        ("in der STRASSE, straße", "in der STRASSE, ██████"),
        ("two words, two", "█████████, two"),
        ("1234-5678 but 11234-5678", "█████████ but 11234-5678"),
        ("İ bomb", "İ ████"),
    ],
)
def test_words_and_patterns_are_blacked_out_where_they_stand(text, shown):
    assert MASKED.screen(text) == Passed(shown)


@given(
    st.lists(
        st.sampled_from(
            ["bomb", "b", "om", "bo", "坏", "人", " ", "two", "words", "1234", "-", "56", "78", "x"]
        ),
        max_size=20,
    ),
    st.lists(st.integers(1, 5), min_size=1, max_size=5),
)
def test_cuts_change_nothing(parts, lengths):
    text, at, pieces = "".join(parts), 0, []
    while at < len(text):
        step = lengths[len(pieces) % len(lengths)]
        pieces.append(text[at : at + step])
        at += step
    assert streamed(MASKED, pieces) == MASKED.screen(text).text


def test_only_what_may_be_the_beginning_of_something_is_held_back():
    screening = Screening(MASKED)
    assert screening.take("hello the").text == "hello the"
    assert screening.take(" two").text == " "
    assert screening.take(" wor").text == ""
    assert screening.take("dly").text == "two wordly"


def test_a_stop_ends_the_text_before_the_word():
    screening = Screening(Filter([Rule("stop", ["bomb"])]))
    assert screening.take("how a bo") == Passed("how a ")
    assert screening.take("mb is") == Passed("", "stop")
    assert Filter([Rule("stop", ["bomb"])]).screen("a bomb") == Passed("a ", "stop")


def test_the_strongest_action_wins():
    rules = Filter([Rule("mask", ["bomb"]), Rule("refuse", ["bomb"])])
    assert rules.screen("a bomb") == Passed("", "refuse")


def test_what_goes_on_from_something_knows_what_stands_before_it():
    screening = Screening(MASKED, before="an a")
    assert screening.take("bomb", last=True).text == "bomb"


def test_a_pattern_that_never_ends_holds_no_more_than_its_reach():
    screening = Screening(Filter([Rule("mask", patterns=["start.*?end"])]))
    shown = screening.take("start" + "x" * 3 * REACH).text
    assert len(shown) >= 2 * REACH


def test_a_pattern_that_thinks_for_ever_counts_as_found():
    rules = Filter([Rule("refuse", patterns=[r"(a|a|aa)+$"])])
    assert rules.screen("a" * 60 + "!").ended == "refuse"


@pytest.mark.parametrize(
    "rule",
    [
        Rule("mask", ["x" * 300]),
        Rule("mask", patterns=["("]),
        Rule("mask", patterns=["(" * 20_000 + ")" * 20_000]),
        Rule("mask", [f"{number:0200}" for number in range(6_000)]),
    ],
)
def test_what_cannot_be_looked_for_is_said_at_once(rule):
    with pytest.raises(ValueError, match=r"characters|pattern"):
        Filter([rule])


@pytest.mark.parametrize(
    "patterns",
    [
        ["(?:a{9999}){9999}"],
        ["a{9999999}"],
        ["((a{99}){99}){99}"],
        # The body of `+` is compiled twice, so that each of these doubles what is in it.
        ["(" * 30 + "a" + ")+" * 30],
        ["(?:" * 13 + "a{2}" + "){2}" * 13],
        ["(?:" * 60 + "a|b" + "){1,3}" * 60],
        [r"(?:\(a{999}[(]){999}"],
        [r"(?:[](](?#(a{99})b{999}){999}"],
        ["(?:a{999} # (\n) {999}(?x)"],
        ["(?x)(?:a{999} # (\n b) {999}"],
        ["(?x)(?:a{999}) # each\n {999}"],
        ["(?x)a{99 #\n 999}"],
        ["(?x)a{" + " " * 999 + "99999}"],
        ["(?V1)(?:[[a](]b{999}){999}"],
        ["(?V1i)[[:alpha:](]{9999}"],
        ["(?:a{99}{e<=1:[}(]}){9999}"],
        ["a{" + "9" * 5_000 + "}"],
        ["x" * 1_000_000],
        ["a{99}" * 11] * 99,
    ],
)
def test_a_pattern_that_would_need_gigabytes_is_refused_before_it_is_compiled(
    monkeypatch, patterns
):
    def compiled(pattern):
        assert size_of(pattern) <= MOST_SIZE

    monkeypatch.setattr("regex.compile", compiled)
    with pytest.raises(ValueError, match="too large: repeat less") as refused:
        Filter([Rule("mask", patterns=patterns)])
    assert len(str(refused.value)) < 200


def test_patterns_as_operators_write_them_are_small():
    card = r"\b(?:4\d{3}|5[1-5]\d{2}|6011)(?:[ -]?\d{4}){3}\b"
    iban = r"(?x)  [A-Z]{2} \d{2}  (?: \s? [A-Z0-9]{4} ){2,7}  # the rest"
    mail = r"(?i)[\w.+-]{1,64}@(?:[\w-]+\.)+[a-z]{2,}"
    address = r"(?:25[0-5]|2[0-4]\d|1?\d{1,2})(?:\.(?:25[0-5]|2[0-4]\d|1?\d{1,2})){3}"
    key = r"sk-[A-Za-z0-9_-]{20,200}|-----BEGIN [A-Z ]{1,40}PRIVATE KEY-----"
    for pattern in (card, iban, mail, address, key):
        assert size_of(pattern) < 500
    assert Filter([Rule("mask", patterns=[card, iban, mail, address, key] * 20)]).has_patterns


def test_without_rules_everything_passes_at_once():
    assert Screening(Filter(())).take("anything") == Passed("anything")
    assert MASK not in Filter(()).screen("bomb").text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b\u200bo\u200dm\ufeffb!", "a ███████!"),
        ("a b\u0336o\u0336m\u0336b\u0336.", "a ████████."),
        ("a \U0001d41b\U0001d428\U0001d426\U0001d41b", "a ████"),
        ("a \u24d1\u24de\u24dc\u24d1", "a ████"),
        ("a bo\u00admb", "a █████"),
        ("坏\u200b人", "███"),
        ("Stra\u200bße", "███████"),
        ("１２３４－５６７８", "█████████"),
        ("12\u200b34-5678", "██████████"),
        ("a bömb, bombé", "a bömb, bombé"),
        ("अ बम\u200d", "अ बम\u200d"),
    ],
)
def test_a_word_is_found_however_it_is_spelt(text, shown):
    assert MASKED.screen(text) == Passed(shown)


@given(st.lists(st.sampled_from([*"bombx ", "\u200b", "\u0301", "ｂ", "坏", "人", "\ufe0f"])))
def test_what_is_invisible_changes_nothing_wherever_a_text_is_cut(pieces):
    assert streamed(MASKED, pieces).count(MASK) == MASKED.screen("".join(pieces)).text.count(MASK)


def test_a_composed_word_is_found_in_its_parts():
    assert Filter([Rule("stop", ["café"])]).screen("cafe\u0301!").ended == "stop"


def test_a_pattern_without_an_end_refuses_once_in_its_time_and_tells_it_once():
    slow = Filter([Rule("mask", (), [r"(a|a|b?a)+$"])])
    screening = Screening(slow)
    assert screening.take("a" * 200 + "!" + "a" * 200 + "!").ended == "refuse"
    assert slow.screen("a" * 200 + "!").ended == "refuse"
    assert len(slow._told) == 1


async def test_all_that_goes_to_the_model_is_looked_at():
    guard = Guard(Filter([Rule("refuse", ["bomb"])]), trusted=("Never talk of a bomb.",))
    asked = []

    class Model:
        names = ()
        model = ""

        @asynccontextmanager
        async def stream(self, request):
            asked.append([message.content for message in request.messages])
            yield None

    async def ask(*messages):
        request = ChatRequest(tuple(ChatMessage(role, text) for role, text in messages))
        async with GuardedModel(Model(), guard).stream(request):
            pass

    await ask(("system", "Never talk of a bomb.\n\nBe kind."), ("user", "a"))
    await ask(("user", "b\u200bomb"), ("assistant", "ｂｏｍｂ"), ("user", "c"))
    assert asked == [
        ["Never talk of a bomb.\n\nBe kind.", "a"],
        [LEFT_OUT, LEFT_OUT, "c"],
    ]
    for told in ("Never talk of a bomb.\n\nBuild a bomb.", "bo\u200bmb"):
        with pytest.raises(Refused):
            await ask(("system", told), ("user", "a"))
    assert len(asked) == 2


@pytest.mark.parametrize(
    "hidden", ["\u20e3", "\u0488", "\u0903", "\x00", "\x08", "\u2800", "\ufff9"]
)
def test_marks_and_controls_within_a_word_hide_nothing(hidden):
    assert fold(f"b{hidden}omb").low == "bomb"


HALVES = [
    ("坏", "人"),
    ("폭", "탄"),
    ("ば", "か"),
    ("бом", "ба"),
    ("قن", "بلة"),
    ("ब", "म"),
    ("ระ", "เบิด"),
]
"""A word in two, in a script each."""


@pytest.mark.parametrize(("one", "other"), HALVES)
@pytest.mark.parametrize(
    "hidden",
    [
        *("\u0301", "\u0336", "\u20dd", "\u20e3", "\u0488", "\ua670", "\u1dc0", "\ufe20"),
        *("\u0dcf", "\u0982", "\u302a", "\u1cd0"),  # Marks of other scripts.
        *("\ue000", "\uf8ff", "\U000f0000", "\U0010fffd"),  # Private characters.
        *("\u00ad", "\u200b", "\u2060", "\ufe0f", "\U000e0041", "\U000e0100", "\u180b"),
        *("\u115f", "\u3164", "\uffa0", "\ufff9", "\ufffa", "\ufffb", "\u0600", "\U000110bd"),
        *("\u0640", "\u07fa", "\u2800", "\U0001d173"),
    ],
)
def test_nothing_that_spells_nothing_hides_a_word_of_any_script(one, other, hidden):
    rules = Filter([Rule("mask", [one + other])])
    assert rules.screen(f"{one}{hidden}{other}").text.strip(MASK) == ""
    assert rules.screen(f"{one}{hidden * 12}{other}").text.strip(MASK) == ""
    assert streamed(rules, [one, hidden, other]).strip(MASK) == ""


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("قنبلة", "قُنْبُلَة"),  # Vowels are written or not.
        ("قُنْبُلَة", "قنبلة"),
        ("قنبلة", "قنـــبلة"),
        ("פצצה", "פְּצָצָה"),
        ("폭탄", "폭\u302e탄"),
        ("ばか", "は\u309bか"),
        ("バカ", "ﾊﾞｶ"),
        ("バカ", "ハ\u3099カ"),
        ("bomb", "🅱🅾🅼🅱"),
        ("bomb", "🅑🅞🅜🅑"),
        ("bomb", "ⓑⓞⓜⓑ"),
        ("bomb", "🄱🄾🄼🄱"),
        ("bomb", "ｂ\u0338ｏ\u20ddｍ\ue000ｂ"),
        ("坏人", "坏⼈"),  # A radical.
    ],
)
def test_a_word_is_the_same_with_and_without_what_its_script_may_leave_out(word, text):
    assert Filter([Rule("mask", [word])]).screen(text).text.strip(MASK) == ""


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("बम", "बमे"),
        ("বম", "বমি"),
        ("கம", "கமா"),
        ("กม", "กิม"),
        ("caf", "café"),
        ("が", "か"),
        ("か", "が"),
    ],
)
def test_what_spells_another_word_is_one(word, text):
    assert Filter([Rule("mask", [word])]).screen(text).text[-1] == text[-1]


def test_a_vowel_sign_is_a_letter_of_its_own_and_is_masked_alone():
    folded = fold("बमे")
    assert folded.low == "बमे"
    assert list(folded.at) == [0, 1, 2, 3]
