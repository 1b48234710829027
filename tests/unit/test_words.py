"""Commands, options, sentences, settings: what people and operators read and write."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bots.registry import own, read_settings, settings_of, turned_on
from bots.spelling import nearest
from core.images.client import PictureRequest
from core.messages import Exchange, Preferences, conversation_id
from core.people.access import Access
from core.people.roles import Role
from core.secret import keep_secret, redact
from core.telemetry import Metrics
from core.turn.commands import MENU
from core.turn.picture import BadOption, check_for_model, read_request
from core.turn.prompt import build_prompt, estimate_tokens, window
from tests.harness import settings_for

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("a red fox", PictureRequest("a red fox")),
        ("a fox --size 512x512 --n 2", PictureRequest("a fox", size="512x512", n=2)),
        ("--size=1024×1024 fox", PictureRequest("fox", size="1024x1024")),
        ("fox —size 512x512", PictureRequest("fox", size="512x512")),
        ("don't panic", PictureRequest("don't panic")),
        ("fox --quality hd --style vivid", PictureRequest("fox", quality="hd", style="vivid")),
    ],
)
def test_picture_options_are_read(text, request_):
    assert read_request(text, "en") == request_


@pytest.mark.parametrize(
    ("text", "prompt", "option"),
    [
        ('a sign that says "OPEN 24h"', 'a sign that says "OPEN 24h"', {}),
        ('a sign "--SALE--" --n 2', 'a sign "--SALE--"', {"n": 2}),
        ("“two -- words” — big", "“two -- words” — big", {}),
        ('a fox --style="studio ghibli" in snow', "a fox in snow", {"style": "studio ghibli"}),
        ("a fox —style anime", "a fox", {"style": "anime"}),
        ("line one\n  line two --quality best", "line one\n  line two", {"quality": "best"}),
        ('an unclosed "quote --n 3', 'an unclosed "quote', {"n": 3}),
        ('--model "gpt image" a cat', "a cat", {"model": "gpt image"}),
    ],
)
def test_a_prompt_is_kept_as_it_was_written_and_its_options_are_the_models_to_judge(
    text, prompt, option
):
    request = read_request(text, "en")
    assert request.prompt == prompt
    assert {name: getattr(request, name) for name in option} == option


@pytest.mark.parametrize(
    "text",
    ["", "--size 1x1 fox", "fox --n 99", "fox --n ٣", "fox --what", "fox --size", "x" * 5000],
)
def test_a_wrong_option_is_explained(text):
    with pytest.raises(BadOption) as caught:
        read_request(text, "en")
    assert len(str(caught.value)) < 200


@given(st.text(max_size=100))
def test_any_picture_text_is_a_request_or_a_sentence(text):
    try:
        assert read_request(text, "zh").prompt
    except BadOption as error:
        assert str(error)


def exchange(question, answer="an answer", speaker="Ann"):
    return Exchange("e", speaker, question, answer, 0.0)


def test_the_newest_history_that_fits_is_sent():
    history = [exchange("old " * 100), exchange("new")]
    assert window(history, 30) == history[1:]
    assert window(history, 10_000) == history
    assert window(history, 0) == []


def test_in_a_group_everybody_has_a_name():
    import datetime

    prompt = build_prompt(
        "You are a bot.",
        Preferences(),
        [exchange("hi", speaker="Bob")],
        "Ann: and you?",
        history_tokens=100,
        private=False,
        today=datetime.date(2026, 11, 21),
    )
    assert [message.role for message in prompt] == ["system", "user", "assistant", "user"]
    assert prompt[1].content == "Bob: hi"
    assert "Saturday, 21 November 2026" in prompt[0].content


def test_tokens_of_chinese_and_english_are_estimated_apart():
    assert estimate_tokens("四个汉字") == 4
    assert estimate_tokens("four words are here!") == 5


def test_lists_admit_people_chats_and_admins_and_nobody_else():
    access = Access({Role.MEMBER: ["telegram:1"], Role.ADMIN: ["telegram:3"]}, ["telegram:-9"])

    def role(person, space="5"):
        return access.role_of(person, conversation_id("telegram", space))

    assert role("telegram:1") is Role.MEMBER
    assert role("telegram:2", "-9") is Role.MEMBER
    assert role("telegram:3") is Role.ADMIN
    assert role("telegram:2") is Role.STRANGER
    assert role("slack:1") is Role.STRANGER
    assert Access({}).role_of("telegram:2", conversation_id("telegram", "5")) is Role.STRANGER
    assert Access({}, everyone=True).role_of("telegram:2", conversation_id("telegram", "5"))


def test_the_readme_lists_every_setting():
    for name in settings_of(own()).model_fields:
        assert f"`{name.upper()}`" in README, name


@pytest.mark.parametrize("page", ["README.md", "docs/README.zh.md"])
def test_the_readme_lists_every_command(page):
    text = (ROOT / page).read_text("utf-8")
    for name in MENU:
        assert f"`/{name}" in text, name


def test_the_readme_names_no_metric_that_is_not_there():
    there = {family.name for family in Metrics().registry.collect()}
    named = set(re.findall(r"`(palaver_\w+?)(?:_total)?`", README))
    assert named
    assert named <= there


def test_settings_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("ALLOWED_USERS", "telegram:1, slack:U2")
    monkeypatch.setenv("LLM_BASE_URL", "https://api.example.org/v1/")
    settings = read_settings(_env_file=None)
    assert settings.allowed_users == ("telegram:1", "slack:U2")
    assert settings.llm_base_url == "https://api.example.org/v1"


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP_PORT", "99999"), ("LOG_LEVEL", "LOUD"), ("LLM_BASE_URL", "api.example.org")],
)
def test_a_wrong_setting_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        read_settings(_env_file=None)


def test_the_page_is_off_by_default_where_strangers_could_reach_it():
    token = {"telegram_bot_token": "123456:token"}

    def on(**settings):
        return [plugin.name for plugin in turned_on(read_settings(_env_file=None, **settings))]

    assert on() == ["web"]
    assert on(**token) == ["telegram", "web"]
    assert on(http_host="0.0.0.0", **token) == ["telegram"]
    assert on(http_host="0.0.0.0") == ["web"]


def test_a_secret_is_taken_out_of_a_log_line():
    keep_secret("sk-very-secret")
    assert redact("the key sk-very-secret is bad") == "the key *** is bad"


@pytest.mark.parametrize(
    ("model", "text", "said"),
    [
        ("dall-e-3", "fox --n 2", "1-1"),
        ("dall-e-3", "fox --size 512x512", "1792x1024"),
        ("dall-e-2", "fox --quality hd", "standard"),
        ("dall-e-2", "fox --style vivid", "no `--style`"),
        ("gpt-image-1.5", "fox --size 1792x1024", "1536x1024"),
        ("dall-e-2", "x" * 1001, "1000"),
    ],
)
def test_what_a_model_does_not_take_is_said_before_it_is_asked(model, text, said):
    with pytest.raises(BadOption, match=re.escape(said)):
        check_for_model(read_request(text, "en"), model, "en")


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("gpt-image-2", "fox --size 1536x1024 --background transparent --format webp --n 4"),
        ("flux-dev", "fox --size 768x512 --quality hd"),
        ("", "fox --size 512x512"),
    ],
)
def test_what_a_model_takes_and_what_is_not_known_is_asked(model, text):
    check_for_model(read_request(text, "en"), model, "en")


USUAL = (
    "AWS_CA_BUNDLE CI_API_TOKEN AWS_API_TOKEN MAIL_MODEL HTTPS_PORT HTTPS_HOST REDIS_TLS_URL "
    "BASE_URL HTTP_PROXY ALL_PROXY NODE_ENV REDIS_HOST REDIS_PORT REDIS_PASSWORD DATABASE_URL "
    "PORT HOST HOSTNAME KUBERNETES_SERVICE_HOST KUBERNETES_PORT GITHUB_TOKEN GITLAB_TOKEN "
    "CI_JOB_TOKEN DOCKER_HOST LOGNAME LOG_FILE DATA_HOME XDG_DATA_DIRS XDG_CONFIG_DIRS PYTHONPATH "
    "VIRTUAL_ENV GOOGLE_API_KEY AZURE_API_KEY ANTHROPIC_API_KEY SENTRY_DSN DYNO HEROKU_APP_NAME "
    "PUBLIC_IP WEB_CONCURRENCY SSL_CERT_FILE TZ LANG "
)


@pytest.mark.parametrize("name", USUAL.split())
def test_a_name_of_somebody_elses_is_no_misspelt_setting(name, tmp_path):
    assert nearest(name, settings_for(tmp_path)) == ""


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("TELEGRAM_TOKEN", "TELEGRAM_BOT_TOKEN"),
        ("TELEGRAM_BOT_TOKN", "TELEGRAM_BOT_TOKEN"),
        ("SLACK_BOT_TOKENS", "SLACK_BOT_TOKEN"),
        ("ALLOWED_USER", "ALLOWED_USERS"),
        ("LLM_BASEURL", "LLM_BASE_URL"),
        ("LLM_APIKEY", "LLM_API_KEY"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("TIME_ZONE", "TIMEZONE"),
        ("PUBLIC_URI", "PUBLIC_URL"),
        ("SYSTEM_PROMT", "SYSTEM_PROMPT"),
    ],
)
def test_a_misspelt_setting_is_told_with_the_nearest_name(typo, meant, tmp_path):
    assert nearest(typo, settings_for(tmp_path)) == meant
