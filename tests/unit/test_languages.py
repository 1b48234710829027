"""The catalogue: each language whole, in its own plurals, and the right one for a person."""

import ast
import json
import re
import string
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from babel import Locale as Babel

from bots.web.words import page
from core.languages.catalogue import CATALOGUE, LANGUAGES, SOURCE, Catalogue, accepted, say
from core.languages.detection import language_of, written_in
from core.models.ways import Ways
from core.turn.commands import IN_THREADS, MENU
from core.turn.commands.model import told_traits

ROOT = Path(__file__).parents[2]
ENGLISH = LANGUAGES[SOURCE].sentences
TRANSLATED = sorted(set(LANGUAGES) - {SOURCE})
NUMBERS = [*range(300), 999, 1_000, 1_001, 10_003, 1_000_000, 2_000_000, 2_000_001]


def text_of(sentence):
    """*sentence* as one text, whatever it is made of."""
    if isinstance(sentence, dict):
        return "\n".join(sentence.values())
    return "\n".join(sentence) if isinstance(sentence, list) else sentence


def fields(sentence):
    return sorted({name for _, name, _, _ in string.Formatter().parse(text_of(sentence)) if name})


def counted(sentence):
    return {spec for _, _, spec, _ in string.Formatter().parse(text_of(sentence)) if spec}


def faults(locale):
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
        elif english == ours:
            found.append(f"{key} is English: {ours}")
        if commands(english) != commands(ours):
            found.append(f"{key} names the commands {commands(ours)}")
    return found


def commands(sentence):
    return sorted(set(re.findall(r"`/?([a-z]+)", text_of(sentence))) & {*IN_THREADS})


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_language_has_every_sentence_with_its_fields_and_plurals(tag):
    assert faults(LANGUAGES[tag]) == []


def test_a_forgotten_sentence_is_found(tmp_path):
    file = json.loads(resources.files("core.languages").joinpath("zh-Hans.json").read_text("utf-8"))
    del file["sentences"]["stop"]
    file["sentences"]["full"] = "{wait}"
    (tmp_path / "zh-Hans.json").write_text(json.dumps(file))
    broken = Catalogue(tmp_path).locales["zh-Hans"]
    assert faults(broken) == ["no key stop", "full has the fields ['wait']"]


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


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_help_names_every_command(tag):
    told = say("help", tag, personas="")
    assert [name for name in MENU if f"/{name}" not in told] == ["help"]


PAGES = (ROOT / "bots/web/page", ROOT / "core/admin/page")


def page_sources(ending="*"):
    files = [one for folder in PAGES for one in folder.glob(f"*.{ending}") if one.suffix != ".png"]
    return "".join(file.read_text("utf-8") for file in files)


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
    page = page_sources()
    whole |= set(re.findall(r"\b(?:page|admin)_\w+", page))
    made |= {f"{one}\\w+" for one in re.findall(r"`((?:page|admin)_\w+)\$\{", page)}
    made |= {f"{one}_\\w+" for one in re.findall(r'\bword\("(admin_\w+)"', page)}
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
    page = page_sources()
    said |= set(re.findall(r'\b(?:say|heads)\("(\w+)"', page))
    said |= set(re.findall(r"\{((?:page|admin)_\w+)\}", page_sources("html")))
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
        ("zh-TW", ["zh-Hant", "zh-Hans"]),
        ("zh-hk", ["zh-Hant"]),
        ("zh-Hant-MO", ["zh-Hant"]),
        ("zh-Hans-HK", ["zh-Hans", "zh-Hant"]),
        ("es-419", ["es"]),
        ("es-LA", ["es"]),
        ("pt", ["pt-BR"]),
        ("pt-PT", ["pt-BR"]),
        ("pt-br", ["pt-BR"]),
        ("de_AT", ["de"]),
        ("fa-AF", ["fa"]),
        ("in", ["id"]),
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
        ("你好嗎", "", "en", "zh-Hant"),
        ("你好吗", "", "en", "zh-Hans"),
        ("你好", "", "zh-TW", "zh-Hant"),
        ("こんにちは漢字", "", "en", "ja"),
        ("天気", "", "ja", "ja"),
        ("Привет, как дела?", "", "en", "ru"),
        ("Привіт, як справи? Це їжа", "", "en", "en"),
        ("Привет", "", "uk", "en"),
        ("مرحبا، كيف حالك؟", "", "en", "ar"),
        ("حال شما چطور است؟", "", "en", "fa"),
        ("سلام", "", "fa", "fa"),
        ("آپ کیسے ہیں؟", "", "en", "en"),
        ("Wie ist das Wetter?", "", "en", "de"),
        ("What is the weather like?", "", "de", "en"),
        ("o que é isso?", "", "", "pt-BR"),
        ("own-de3l-para-o2fc-que7-nao4", "", "en", "en"),
        ("merci", "", "fr", "fr"),
        ("merci", "", "zh", "en"),
        ("안녕하세요", "", "ko", "en"),
        ("안녕하세요", "", "de", "de"),
        ("hello", "xx", "fr-CA", "fr"),
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
        ("Deutsch", "de"),
        ("german", "de"),
        ("DE", "de"),
        ("русский", "ru"),
        ("Русский", "ru"),
        ("espanol", "es"),
        ("português", "pt-BR"),
        ("pt", "pt-BR"),
        ("zh-TW", "zh-Hant"),
        ("繁體中文", "zh-Hant"),
        ("farsi", "fa"),
        ("العربية", "ar"),
        ("日本語", "ja"),
        ("klingon", None),
        ("", None),
        ("uk", None),
        ("默认", None),
    ],
)
def test_a_language_is_known_by_its_tag_and_its_names(written, tag):
    assert CATALOGUE.named(written) == tag


@pytest.mark.parametrize("tag", LANGUAGES)
def test_our_own_sentences_are_never_taken_for_another_latin_language(tag):
    latin = {one for one, locale in LANGUAGES.items() if locale.script == "Latn"}
    for key, sentence in LANGUAGES[tag].sentences.items():
        found = written_in(re.sub(r"\{.*?\}", "", text_of(sentence)), "en")
        assert found == tag or found not in latin, key


def test_counts_are_said_as_each_language_says_them():
    def waiting(tag, number):
        return say("full", tag, waiting=number)

    assert "1 question waiting" in waiting("en", 1)
    assert [waiting("ru", n).split("ждут ")[1].split(".")[0] for n in (1, 3, 5, 11, 21)] == [
        "1 вопрос", "3 вопроса", "5 вопросов", "11 вопросов", "21 вопрос",
    ]  # fmt: skip
    for number, words in ((1, "سؤال واحد"), (2, "سؤالان"), (3, "3 أسئلة"), (11, "11 سؤالًا")):
        assert words in waiting("ar", number)
    assert "1000000 de preguntas" in waiting("es", 1_000_000)


def test_commands_keep_their_direction_among_right_to_left_words():
    assert "\u2066`/help`\u2069" in say("welcome", "ar")
    assert "\u2066`gpt-5`\u2069" in say("usage_place", "fa", model="gpt-5")
    assert "\u2066" not in say("welcome", "de")
    assert {tag for tag, one in LANGUAGES.items() if one.direction == "rtl"} == {"ar", "fa"}


def _request(accepted="", chosen=""):
    cookie = {"Cookie": f"palaver_language={chosen}"} if chosen else {}
    return make_mocked_request("GET", "/", {"Accept-Language": accepted, **cookie})


@pytest.mark.parametrize(
    ("wanted", "chosen", "tag", "direction"),
    [
        ("", "", "en", "ltr"),
        ("xx, pt;q=0.8, en;q=0.5", "", "pt-BR", "ltr"),
        ("en", "ar", "ar", "rtl"),
        ("zh-TW,zh;q=0.9", "", "zh-Hant", "ltr"),
        ("uk", "", "en", "ltr"),
        ("fa-IR", "<script>", "fa", "rtl"),
    ],
)
def test_the_page_is_in_the_chosen_else_the_browsers_language(wanted, chosen, tag, direction):
    shown = page(_request(wanted, chosen))
    assert f'<html lang="{tag}" dir="{direction}">' in shown
    assert LANGUAGES[tag].sentences["page_new"] in shown
    assert f'<option value="{tag}" selected>' in shown
    assert "{page_" not in shown
    texts = json.loads(shown.split('type="application/json">')[1].split("</script>")[0])
    assert texts == {k: v for k, v in LANGUAGES[tag].sentences.items() if k.startswith("page_")}


# Names that are the same everywhere: of ourselves, of formats, of settings, of measures.
BROWSERS = {"ArrowLeft", "ArrowRight", "Enter"}
SAME = {"Palaver", "palaver", "CSV", "JSON", "ADMIN_TOKEN", "p50", "p95", "p99", "USD"}
FOR_PEOPLE = re.compile(r"[A-Z][a-z]+ [a-z]|[a-z]{2,}[.!?…:](\s|$)|^[A-Z][a-z]+$")
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`')


def english_in(script):
    """Literals of *script* that read like words for people, not for the browser."""
    bare = re.sub(r"^\s*//.*$", "", script, flags=re.MULTILINE)
    for found in LITERAL.finditer(bare):
        text = re.sub(r"\$\{[^}]*\}", "", found[1] or found[2] or "")
        words = re.findall(r"[A-Za-z]{2,}", text)
        if {*words} - SAME and FOR_PEOPLE.search(text):
            yield text


def test_no_english_word_is_wired_into_the_operators_page():
    """`tests/page/test_admin.py` looks at what is shown, this at what may be."""
    for file in (ROOT / "core/admin/page").glob("*.js"):
        found = [one for one in english_in(file.read_text("utf-8")) if one not in BROWSERS]
        assert found == [], file.name
    html = (ROOT / "core/admin/page/admin.html").read_text("utf-8")
    shown = re.findall(r">([^<>]+)<|(?:aria-label|title|placeholder|alt)=\"([^\"]*)\"", html)
    words = {"".join(one).strip() for one in shown} - SAME - {""}
    assert [one for one in words if not re.fullmatch(r"\{\w+\}", one)] == []
    assert list(english_in('say("x"); tell("All is done.");')) == ["All is done."]


def test_heads_of_tables_are_as_many_in_each_language():
    for tag in TRANSLATED:
        for key, heads in ENGLISH.items():
            if key.startswith("admin_heads_"):
                assert len(LANGUAGES[tag].sentences[key]) == len(heads), (tag, key)


def test_every_file_is_shipped():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    assert "languages/*.json" in patterns["package-data"]["core"]


@pytest.mark.parametrize("file", ["README.md", "docs/README.zh.md"])
def test_the_readme_lists_the_languages(file):
    text = (ROOT / file).read_text("utf-8")
    assert [tag for tag in LANGUAGES if f"`{tag}`" not in text] == []


def test_what_is_known_of_a_model_is_told_in_the_language():
    known = Ways(window=8_192, pictures=False, sounds=True, speed=40.4, first_s=0.52).traits
    assert list(told_traits(known, "de")) == [
        "liest 8192 Token auf einmal",
        "sieht keine Bilder",
        "40 Token pro Sekunde, das erste nach 0.5 s",
    ]
    assert list(told_traits(Ways().traits, "de")) == []
