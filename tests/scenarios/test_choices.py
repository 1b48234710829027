"""Models and personas, chosen in the chat."""

import datetime
from zoneinfo import ZoneInfo

import pytest

from core.models.speech import spoken
from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving, started

TOML = """
[[model]]
name = "fast"
base_url = "{url}"
model = "small"

[[model]]
name = "careful"
base_url = "{url}"
model = "large"

[[persona]]
name = "Support"
text_in = "support.md"
model = "careful"
starters = ["What is new?"]

[[persona]]
name = "coder"
text = "Speak only in Haskell."
"""


@pytest.fixture(params=[TelegramDriver, SlackDriver, WebDriver], ids=lambda one: one.name)
async def driver(request, tmp_path, model):
    config = tmp_path / "palaver.toml"
    config.write_text(TOML.format(url=model.url))
    (tmp_path / "support.md").write_text("You help our customers.\n")
    async with driving(request.param(), tmp_path, model, palaver_config=config) as one:
        yield one


async def test_an_admin_is_told_once_how_fast_a_model_is(tmp_path, model, monkeypatch):
    monkeypatch.setattr("core.models.measured.ENOUGH_TOKENS", 5)
    model.piece_s = 0.01
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, admins="telegram:77"):
        await driver.say("dm", "hello")
        await driver.posted("dm", 1)
        await driver.say("dm", "/model")
        told = (await driver.posted("dm", 2))[-1].text
    assert told.count("the first after") == 1


async def last(driver, count):
    """The newest post, once there are *count* of them."""
    return (await driver.posted(driver.places[0], count))[-1]


async def test_a_model_is_chosen_by_a_button_and_only_among_those_that_are_listed(driver, model):
    place = driver.places[0]
    await driver.say(place, "/model")
    post = await last(driver, 1)
    assert set(post.commands) >= {"model fast", "model careful", "model default"}
    await driver.press(place, "model careful")
    await last(driver, 2)
    await driver.say(place, "hello")
    await last(driver, 3)
    assert model.requests[-1]["model"] == "large"
    await driver.say(place, "/model gpt-expensive")
    assert "gpt-expensive" in (await last(driver, 4)).text
    await driver.say(place, "/compare --models=fast,gpt-expensive why?")
    assert "gpt-expensive" in (await last(driver, 5)).text
    await driver.say(place, "hello again")
    await last(driver, 6)
    assert {request["model"] for request in model.requests} == {"large"}


async def test_a_persona_of_a_file_speaks_with_its_model_and_offers_its_starters(driver, model):
    place = driver.places[0]
    await driver.say(place, "/persona")
    assert {"persona support", "persona teacher"} <= set((await last(driver, 1)).commands)
    await driver.press(place, "persona support")
    assert "ask What is new?" in (await last(driver, 2)).commands
    await driver.press(place, "ask What is new?")
    await last(driver, 3)
    asked = model.requests[-1]
    assert asked["model"] == "large"
    assert "You help our customers." in asked["messages"][0]["content"]
    assert asked["messages"][-1]["content"].endswith("What is new?")
    await driver.say(place, "/persona coder")
    await last(driver, 4)
    await driver.say(place, "hello")
    await last(driver, 5)
    assert "Speak only in Haskell." in model.requests[-1]["messages"][0]["content"]
    assert model.requests[-1]["model"] == "small"


async def test_with_voice_on_an_answer_is_spoken_too(tmp_path, model, request):
    for kind in (TelegramDriver, SlackDriver, WebDriver):
        model.spoken.clear()
        model.answer = lambda messages: (
            "See **this** [page](https://example.org):\n```\ncode\n```\n"
        )
        values = {"speech_model": "tts-1", "audio_base_url": model.url, "speech_voice": "nova"}
        async with driving(kind(), tmp_path / kind.name, model, **values) as driver:
            place = driver.places[0]
            await driver.say(place, "/voice on")
            await last(driver, 1)
            await driver.say(place, "hello")
            sounds = [post.pictures for post in await driver.posted(place, 3) if post.pictures]
            assert sounds[0][0].startswith(b"OggS")
            assert model.spoken == [
                {
                    "model": "tts-1",
                    "voice": "nova",
                    "input": "See this page:",
                    "response_format": "opus",
                }
            ]
            await driver.say(place, "/voice off")
            await driver.posted(place, 4)
            await driver.say(place, "hello")
            await driver.posted(place, 5)
            assert len(model.spoken) == 1


async def test_without_a_voice_it_says_so(tmp_path, model):
    async with driving(TelegramDriver(), tmp_path, model) as driver:
        await driver.say("dm", "/voice on")
        assert "SPEECH_MODEL" in (await last(driver, 1)).text


def test_what_is_spoken_is_bounded_and_ends_with_a_sentence():
    text = spoken("One sentence here. " * 1000)
    assert 2048 < len(text) <= 4096
    assert text.endswith("here.")
    assert len(spoken("字" * 9000)) == 4096
    assert spoken("~~~\nonly code") == ""


async def test_each_model_is_shown_with_its_price(driver, model):
    await driver.say(driver.places[0], "/model")
    text = (await last(driver, 1)).text
    assert "fast" in text
    assert "no charge" in text or "不收费" in text


async def test_a_place_has_a_time_zone_knowledge_and_parameters_of_its_own(tmp_path, model):
    config = tmp_path / "palaver.toml"
    (tmp_path / "shop.md").write_text("We sell tea.")
    config.write_text(
        TOML.format(url=model.url).partition("[[persona]]")[0]
        + '[[place]]\nid = "telegram:77"\nabout = "The shop"\nknows = ["shop.md"]\n'
        + 'model = "careful"\ntimezone = "Pacific/Kiritimati"\nparameters = {temperature = 0.3}\n'
    )
    async with driving(TelegramDriver(), tmp_path, model, palaver_config=config) as driver:
        await driver.say("dm", "hello")
        await driver.answered("dm")
        await driver.say("dm2", "hello")
        await driver.answered("dm2")
    here, there = model.requests
    told = here["messages"][0]["content"]
    assert "The shop" in told
    assert "We sell tea." in told
    assert f"{datetime.datetime.now(ZoneInfo('Pacific/Kiritimati')):%d %B %Y}" in told
    assert (here["model"], here["temperature"]) == ("large", 0.3)
    assert (there["model"], "temperature" in there) == ("small", False)
    assert "We sell tea." not in str(there)


async def test_a_model_that_is_forbidden_later_answers_no_more(tmp_path, model):
    driver = TelegramDriver()
    async with driver.running():
        async with started(driver, tmp_path, model):
            await driver.say("dm", "/model expensive")
            await driver.posted("dm", 1)
            await driver.say("dm", "hello")
            await driver.posted("dm", 2)
        assert model.requests[-1]["model"] == "expensive"
        async with started(driver, tmp_path, model, allowed_models=("scripted", "other")):
            await driver.say("dm", "hello again")
            await driver.posted("dm", 3)
    assert model.requests[-1]["model"] == "scripted"


async def test_it_speaks_the_language_that_is_written_until_another_is_chosen(driver, model):
    place = driver.places[0]
    await driver.say(place, "今天天气怎么样？")
    await last(driver, 1)
    # The client is English, and a command has no language: what was asked before has one.
    await driver.say(place, "/model nonsense")
    assert "这里不能选择" in (await last(driver, 2)).text
    await driver.say(place, "/image 狐狸 --foo 1")
    assert "我不认识选项" in (await last(driver, 3)).text
    await driver.say(place, "/lang")
    post = await last(driver, 4)
    assert "Bahasa Indonesia" in post.text
    assert {"lang de", "lang zh-Hant", "lang fa"} <= set(post.commands)
    await driver.press(place, "lang pt-BR")
    assert "falo português" in (await last(driver, 5)).text
    await driver.say(place, "/lang Deutsch")
    assert "Ab jetzt spreche ich" in (await last(driver, 6)).text
    await driver.say(place, "/usage")
    assert "Dieses Gespräch: 1 Wechsel" in (await last(driver, 7)).text


ALL_PARAMETERS = (
    "{temperature = 0.3, top_p = 0.9, reasoning_effort = 'high', thinking_tokens = 2000, "
    "verbosity = 'low', service_tier = 'flex', cache = true}"
)
ASKED_WITH = {
    "openai": {
        "temperature": 0.3,
        "top_p": 0.9,
        "reasoning_effort": "high",
        "verbosity": "low",
        "service_tier": "flex",
    },
    # Anthropic's Messages API: thinking goes with no other temperature than its own.
    "anthropic": {
        "top_p": 0.9,
        "output_config": {"effort": "high"},
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "service_tier": "flex",
    },
}


@pytest.mark.parametrize("shape", ASKED_WITH)
@pytest.mark.parametrize("whose", ["model", "persona", "place"])
async def test_every_parameter_of_a_model_persona_or_place_reaches_the_api(
    whose, shape, tmp_path, model
):
    said = {whose: f"parameters = {ALL_PARAMETERS}\n"}
    config = tmp_path / "palaver.toml"
    config.write_text(
        f'[[model]]\nname = "one"\nbase_url = "{model.url}"\nmodel = "m"\nkey = "ONE_KEY"\n'
        f'shape = "{shape}"\n{said.get("model", "")}\n'
        f'[[persona]]\nname = "Expert"\ntext = "You know it all."\n{said.get("persona", "")}\n'
        f'[[place]]\nid = "telegram:77"\npersona = "Expert"\n{said.get("place", "")}\n'
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ONE_KEY", "sk-1")
        async with driving(TelegramDriver(), tmp_path, model, palaver_config=config) as driver:
            await driver.say("dm", "hello")
            await driver.answered("dm")
    (asked,) = model.requests
    for name, value in ASKED_WITH[shape].items():
        assert asked[name] == value
    assert not {"thinking_tokens", "cache"} & asked.keys()
    if shape == "anthropic":
        assert asked["max_tokens"] > 2000
        assert "temperature" not in asked
        assert any("cache_control" in block for block in asked["system"])
        assert "You know it all." in asked["system"][0]["text"]


async def test_a_persona_that_somebody_chose_comes_before_the_place(tmp_path, model):
    """With its model as with its parameters; the place's own persona comes behind."""
    config = tmp_path / "palaver.toml"
    config.write_text(
        TOML.format(url=model.url).replace('text_in = "support.md"', 'text = "You help."')
        + 'parameters = {temperature = 0.9}\n[[place]]\nid = "telegram:77"\nmodel = "fast"\n'
        'persona = "Support"\nparameters = {temperature = 0.1, top_p = 0.5}\n'
    )
    async with driving(TelegramDriver(), tmp_path, model, palaver_config=config) as driver:
        for number, command in enumerate(["", "/persona coder", "/persona support"]):
            if command:
                await driver.say("dm", command)
                await driver.posted("dm", 2 * number)
            await driver.say("dm", "hello")
            await driver.posted("dm", 2 * number + 1)
        await driver.say("dm", "/compare why?")
        await driver.posted("dm", 7)
    asked = [(one["model"], one.get("temperature"), one["top_p"]) for one in model.requests]
    assert asked[:3] == [("small", 0.1, 0.5), ("small", 0.9, 0.5), ("large", 0.1, 0.5)]
    assert [one[1:] for one in asked[3:]] == [(0.1, 0.5)] * 2
