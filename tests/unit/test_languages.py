"""The catalogue: each language whole, in its own plurals, and the right one for a person."""

import ast
import json
import re
import string
from importlib import resources
from pathlib import Path

import pytest
from babel import Locale as Babel

from core.languages.catalogue import CATALOGUE, LANGUAGES, SOURCE, Catalogue, accepted, say
from core.languages.detection import language_of
from core.turn.commands import IN_THREADS

ROOT = Path(__file__).parents[2]
ENGLISH = LANGUAGES[SOURCE].sentences
TRANSLATED = sorted(set(LANGUAGES) - {SOURCE})
NUMBERS = [*range(300), 999, 1_000, 1_001, 10_003, 1_000_000, 2_000_000, 2_000_001]

SAME_AS_ENGLISH = {
    ("ask_send", "fr"),
}
"""Texts that are the same word in both languages."""


def text_of(sentence):
    """*sentence* as one text, whatever it is made of."""
    if isinstance(sentence, dict):
        return "\n".join(sentence.values())
    return "\n".join(sentence) if isinstance(sentence, list) else sentence


def fields(sentence):
    return sorted({name for _, name, _, _ in string.Formatter().parse(text_of(sentence)) if name})


def counted(sentence):
    return {spec for _, _, spec, _ in string.Formatter().parse(text_of(sentence)) if spec}


def faults(locale, tag):
    """What a translator has forgotten or changed in *locale*."""
    found = [f"no key {key}" for key in ENGLISH.keys() - locale.sentences.keys()]
    found += [f"no such key {key}" for key in locale.sentences.keys() - ENGLISH.keys()]
    for key in ENGLISH.keys() & locale.sentences.keys():
        english, ours = ENGLISH[key], locale.sentences[key]
        if type(english) is not type(ours):
            found.append(f"{key} is a {type(ours).__name__}")
        elif isinstance(ours, dict):
            if ours.keys() != {*locale.plural, "other"}:
                found.append(f"{key} has {sorted(ours)}")
        elif fields(english) != fields(ours):
            found.append(f"{key} has the fields {fields(ours)}")
        elif not counted(ours) <= ENGLISH.keys():
            found.append(f"{key} counts {counted(ours)}")
        elif len(text_of(english)) > 3 and english == ours and (key, tag) not in SAME_AS_ENGLISH:
            found.append(f"{key} is English: {ours}")
        if commands(english) != commands(ours):
            found.append(f"{key} names the commands {commands(ours)}")
    return found


def commands(sentence):
    return sorted(set(re.findall(r"`/?([a-z]+)", text_of(sentence))) & {*IN_THREADS})


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_language_has_every_sentence_with_its_fields_and_plurals(tag):
    assert faults(LANGUAGES[tag], tag) == []


def test_a_forgotten_sentence_is_found(tmp_path):
    file = json.loads(resources.files("core.languages").joinpath("zh-Hans.json").read_text("utf-8"))
    del file["sentences"]["stop"]
    file["sentences"]["full"] = "{wait}"
    (tmp_path / "zh-Hans.json").write_text(json.dumps(file))
    broken = Catalogue(tmp_path).locales["zh-Hans"]
    assert faults(broken, "zh-Hans") == ["no key stop", "full has the fields ['wait']"]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_plural_categories_are_those_of_cldr(tag):
    theirs = Babel.parse(tag, sep="-").plural_form
    assert {*LANGUAGES[tag].plural, "other"} == {*theirs.tags, "other"}
    assert {n: LANGUAGES[tag].category(n) for n in NUMBERS} == {n: theirs(n) for n in NUMBERS}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_menu_lines_and_buttons_are_short(tag):
    # core.telegram.org/bots/api, BotCommand: a description has 1 to 256 characters.
    assert all(1 <= len(line) <= 256 for line in CATALOGUE.menu(IN_THREADS, tag).values())
    for name in ("again", "another", "larger", "stop", "retry", "continue"):
        assert len(say(name, tag)) <= 20, name
    for name in ("ask_title", "ask_send", "ask_cancel"):
        # docs.slack.dev, views: title, submit and close have 24 characters.
        assert len(say(name, tag)) <= 24, name
    for name in ("rate_up", "rate_down"):
        assert len(say(name, tag)) <= 75, name


def sentences_named_in_code():
    """What code may say: whole keys, and the beginnings and ends of those that it puts together."""
    whole, made = set(), set()
    for file in (*ROOT.glob("core/**/*.py"), *ROOT.glob("bots/**/*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            if isinstance(node, ast.JoinedStr):
                parts = [
                    re.escape(one.value) if isinstance(one, ast.Constant) else r"\w+"
                    for one in node.values
                ]
                if re.match(r"[a-z]+_", parts[0]):
                    made.add("".join(parts))
    page = "".join(
        (ROOT / "bots/web/page" / name).read_text("utf-8") for name in ("app.js", "index.html")
    )
    whole |= set(re.findall(r"\bpage_\w+", page))
    made |= {f"{one}\\w+" for one in re.findall(r"`(page_\w+)\$\{", page)}
    return whole, made


def test_every_sentence_is_used():
    whole, made = sentences_named_in_code()
    words = {spec for sentence in ENGLISH.values() for spec in counted(sentence)}
    unused = [
        key
        for key in ENGLISH
        if key not in whole | words and not any(re.fullmatch(one, key) for one in made)
    ]
    assert unused == []


def test_every_sentence_that_code_says_is_there():
    said = set()
    for file in (*ROOT.glob("core/**/*.py"), *ROOT.glob("bots/**/*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and len(node.args) > 1:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                first = node.args[0]
                if name in ("say", "_speak") and isinstance(first, ast.Constant):
                    said.add(first.value)
    page = (ROOT / "bots/web/page/app.js").read_text("utf-8")
    said |= set(re.findall(r'\bsay\("(\w+)"', page))
    html = (ROOT / "bots/web/page/index.html").read_text("utf-8")
    said |= set(re.findall(r"\{(page_\w+)\}", html))
    assert len(said) > 75
    assert said <= ENGLISH.keys()


@pytest.mark.parametrize(
    ("tag", "chain"),
    [
        ("en-GB", ["en"]),
        ("zh-hans", ["zh-Hans"]),
        ("zh", ["zh-Hans"]),
        ("zh_CN", ["zh-Hans"]),
        ("zh-SG", ["zh-Hans"]),
        ("uk", []),
        ("", []),
        ("de\n", []),
    ],
)
def test_a_tag_falls_back_by_script_then_language_then_english(tag, chain):
    found = CATALOGUE.chain(tag)
    assert found[: len(chain)] == chain
    assert found[-1] == SOURCE
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("de-CH, fr;q=0.9, en;q=0.8", ["de-CH", "fr", "en"]),
        ("en;q=0.5,zh-TW", ["zh-TW", "en"]),
        ("ru;q=0, en", ["en"]),
        ("xx;q=high, fr", ["fr"]),
        ("", []),
    ],
)
def test_the_most_wanted_language_of_a_browser_comes_first(header, tags):
    assert list(accepted(header)) == tags


@pytest.mark.parametrize(
    ("text", "preferred", "hint", "language"),
    [
        ("hello", "", "", "en"),
        ("你好", "", "en", "zh-Hans"),
        ("", "", "zh-CN", "zh-Hans"),
        ("123", "", "zh", "zh-Hans"),
        ("hello", "zh", "", "zh-Hans"),
        ("hello", "en", "zh", "en"),
        ("用 Python 写 hello world", "", "en", "zh-Hans"),
        ("What does 你好 mean, and how do you say it?", "", "en", "en"),
        ("a", "", "zh-CN", "zh-Hans"),
        ("see `天气` in https://example.org/天气", "", "en", "en"),
    ],
)
def test_the_language_is_the_chosen_else_the_written_else_the_clients(
    text, preferred, hint, language
):
    assert language_of(text, preferred, hint) == language


def test_a_new_language_is_one_file(tmp_path):
    for tag in ("en", "zh-Hans"):
        source = resources.files("core.languages").joinpath(f"{tag}.json").read_bytes()
        (tmp_path / f"{tag}.json").write_bytes(source)
    toy = {
        "names": ["Toki Pona"],
        "script": "Latn",
        "plural": {"one": "n = 1", "two": "n = 2"},
        "sentences": {
            "full": "sina jo e {waiting:questions}",
            "questions": {"one": "wile wan", "two": "wile tu", "other": "wile mute ({n})"},
        },
    }
    (tmp_path / "tok.json").write_text(json.dumps(toy))
    catalogue = Catalogue(tmp_path)
    assert catalogue.say("full", "tok", waiting=2) == "sina jo e wile tu"
    assert catalogue.say("full", "tok", waiting=7) == "sina jo e wile mute (7)"
    assert catalogue.say("stop", "tok") == say("stop", "en")
    assert catalogue.named("toki pona") == "tok"


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("en", "en"),
        ("EN-us", "en"),
        ("english", "en"),
        ("zh", "zh-Hans"),
        ("中文", "zh-Hans"),
        ("Chinese", "zh-Hans"),
        ("klingon", None),
        ("", None),
        ("uk", None),
        ("默认", None),
    ],
)
def test_a_language_is_known_by_its_tag_and_its_names(written, tag):
    assert CATALOGUE.named(written) == tag
