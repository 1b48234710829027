"""`palaver check`: reads, never writes outside, says what to change, and no secret."""

import re
import socket
import time
import unicodedata

import pytest

from bots.check import try_all
from bots.registry import read_settings
from bots.slack.manifest import SCOPES as ASKED
from bots.spelling import doubts, nearest
from core.models.palaver_file import read_palaver_file
from core.secret import keep_secret, redact, shown_url
from core.store.connection import connect
from tests.contracts.drivers import SlackDriver, TelegramDriver
from tests.scenarios.test_command import run
from tests.servers.redis import redis_at
from tests.servers.slack import SCOPES


@pytest.fixture
async def telegram():
    driver = TelegramDriver()
    async with driver.running():
        yield driver


@pytest.fixture
async def slack():
    driver = SlackDriver()
    async with driver.running():
        yield driver


async def check(tmp_path, driver=None, *arguments, **more):
    settings = driver.settings() if driver is not None else {}
    values = {name.upper(): str(value) for name, value in settings.items()}
    code, out, err = await run(tmp_path, "check", *arguments, **{**values, **more})
    assert "Traceback" not in err
    return code, out + err


async def test_a_live_webhook_and_the_menu_are_left_alone(tmp_path, telegram):
    telegram.server.webhook = {"url": "https://chat.example/secret-path"}
    telegram.server.say(77, "waiting")
    code, told = await check(tmp_path, telegram)
    assert code == 0
    assert telegram.server.webhook["url"] == "https://chat.example/secret-path"
    assert {call[1] for call in telegram.server.calls} <= {"getMe", "getWebhookInfo"}
    assert "a webhook is set at https://chat.example" in told
    assert "1 updates wait" in told
    assert "secret-path" not in told


async def test_a_webhook_that_fails_is_told_with_its_error(tmp_path, telegram):
    telegram.server.webhook = {"url": "https://chat.example/telegram/webhook"}
    telegram.server.webhook_news = {
        "last_error_date": int(time.time()) - 120,
        "last_error_message": "Wrong response from the webhook: 502 Bad Gateway",
    }
    values = {"PUBLIC_URL": "https://chat.example", "TELEGRAM_WEBHOOK_SECRET": "a-secret"}
    code, told = await check(tmp_path, telegram, **values)
    assert code == 1
    assert "502 Bad Gateway" in told


async def test_privacy_mode_with_wake_words_fails(tmp_path, telegram, monkeypatch):
    monkeypatch.setitem(
        __import__("tests.servers.telegram", fromlist=["BOT"]).BOT,
        "can_read_all_group_messages",
        False,
    )
    code, told = await check(tmp_path, telegram, WAKE_WORDS="palaver")
    assert code == 1
    assert "privacy mode" in told


async def test_slack_s_missing_scopes_are_named_and_nothing_is_opened(tmp_path, slack):
    code, told = await check(tmp_path, slack)
    assert code == 0
    assert {method for _, method, _ in slack.server.calls} == {"auth.test"}
    slack.server.scopes = set(SCOPES) - {"files:read", "im:history"}
    code, told = await check(tmp_path, slack)
    assert code == 1
    assert "scopes are missing: files:read, im:history" in told


def test_the_scopes_are_those_of_the_manifest():
    assert sorted(SCOPES) == sorted(ASKED)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"SLACK_BOT_TOKEN": "xapp-1-A-1-abcdef", "SLACK_APP_TOKEN": "xoxb-1-2-abcdef"},
            ["SLACK_BOT_TOKEN must start with xoxb-, but is an app-level", "but is a bot token"],
        ),
        ({"TELEGRAM_BOT_TOKEN": "xoxb-1-2-abcdef"}, ["It is a Slack token"]),
        ({"TELEGRAM_BOT_TOKEN": "abcdefgh"}, ["not what @BotFather gives"]),
    ],
)
async def test_swapped_tokens_are_told_without_a_call(tmp_path, values, words):
    code, told = await check(tmp_path, **values)
    assert code == 1
    for word in words:
        assert word in told
    for token in values.values():
        assert token not in told


async def test_names_of_models_do_nothing_to_the_terminal(tmp_path, model):
    """An API names its models itself, and the first one is taken if none is set."""
    model.models = ["evil\x1b]0;title\x07\x1b[2J\x9b1m"]
    _, told = await check(tmp_path, LLM_BASE_URL=model.url)
    assert "evil" in told
    assert not [one for one in told if one != "\n" and unicodedata.category(one) == "Cc"]
    _, told = await check(tmp_path, LLM_BASE_URL=model.url, LLM_MODEL="none\x1b[31m")
    assert "none" in told
    assert not [one for one in told if one != "\n" and unicodedata.category(one) == "Cc"]


async def test_the_store_s_policy_and_its_persistence_are_told(tmp_path):
    async with redis_at(tmp_path / "redis") as redis, connect(redis.url) as client:
        code, told = await check(tmp_path, REDIS_URL=redis.url)
        assert code == 0
        assert "trial write" in told
        await client.config_set("maxmemory-policy", "allkeys-lru")
        await client.config_set("appendonly", "no")
        code, told = await check(tmp_path, REDIS_URL=redis.url)
        assert code == 1
        assert "noeviction" in told
        assert "restart forgets" in told


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:hidden-word@127.0.0.1:{port}/0",
        "redis://:hidden-word/with#marks@127.0.0.1:{port}/0",
        "redis://:hidden-word@:host:port:/",
        "hidden-word://x",
    ],
)
async def test_a_password_in_redis_url_is_in_no_output(tmp_path, url):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = url.format(port=nobody.getsockname()[1])
        for command in ("check", "run", "inbox"):
            code, out, err = await run(tmp_path, command, REDIS_URL=url)
            assert code == 1
            if "hidden-word:" not in url:
                assert "hidden-word" not in out + err
            assert "Traceback" not in err


async def test_a_password_in_llm_base_url_is_in_no_output(tmp_path, model):
    url = model.url.replace("://", "://user:hidden-word@") + "?key=other-hidden"
    for command in (("check",), ("check", "--all")):
        _, out, err = await run(tmp_path, *command, LLM_BASE_URL=url, LLM_MODEL="m")
        assert "hidden" not in out + err


async def test_a_base_url_without_v1_is_told_what_to_change(tmp_path, model):
    url = model.url.removesuffix("/v1")
    assert url != model.url
    code, told = await check(tmp_path, LLM_BASE_URL=url, LLM_MODEL="scripted")
    assert code == 1
    assert "with /v1 at its end" in told


@pytest.mark.parametrize("ending", ["/chat/completions", "/responses", "/messages"])
async def test_where_v1_belongs_is_told_whatever_the_address_ends_with(ending, tmp_path, model):
    root = model.url.removesuffix("/v1")
    wrong = root + ending
    code, told = await check(tmp_path, LLM_BASE_URL=wrong, LLM_MODEL="scripted", LLM_API_KEY="sk")
    assert code == 1
    assert f"An API answers at LLM_BASE_URL with /v1 before {ending}" in told
    code, told = await check(tmp_path, LLM_BASE_URL=f"{model.url}/v1{ending}", LLM_MODEL="scripted")
    assert code == 1
    assert f"An API answers at LLM_BASE_URL without /v1 before {ending}" in told


async def test_pictures_by_address_without_an_address_of_ours_are_noted(tmp_path, model):
    _, told = await check(
        tmp_path, LLM_BASE_URL=model.url, LLM_MODEL="scripted", LLM_PICTURE_LINKS="true"
    )
    assert "LLM_PICTURE_LINKS needs PUBLIC_URL" in told


async def test_an_address_that_ends_with_its_call_is_no_fault(tmp_path, model):
    for ending, more in (("/chat/completions", {}), ("/messages", {"LLM_API_KEY": "sk"})):
        _, told = await check(
            tmp_path, LLM_BASE_URL=model.url + ending, LLM_MODEL="scripted", **more
        )
        assert "scripted answers" in told
        assert "leave out" not in told


@pytest.mark.parametrize("ending", ["/anthropic", "/anthropic/v1"])
async def test_nothing_is_advised_that_would_change_nothing(ending, tmp_path, model):
    """The ending says where the root is, with or without /v1."""
    url = model.url.removesuffix("/v1") + ending
    _, told = await check(tmp_path, LLM_BASE_URL=url, LLM_MODEL="scripted", LLM_API_KEY="sk")
    assert "An API answers" not in told


async def test_only_what_is_set_is_listed_unless_all_is_asked_for(tmp_path):
    _, told = await check(tmp_path, MAX_TURNS="7")
    assert "MAX_TURNS" in told
    assert "MAX_WAITING" not in told
    _, told = await check(tmp_path, None, "--all")
    assert "MAX_WAITING" in told


async def test_misspelt_names_and_entries_fail_check_with_the_nearest(tmp_path):
    code, told = await check(
        tmp_path, TELEGRAM_TOKEN="1:hidden-word", ALLOWED_USERS="12345,telegram:7", WEBCHAT="true"
    )
    assert code == 1
    assert "TELEGRAM_TOKEN is not a setting; did you mean TELEGRAM_BOT_TOKEN?" in told
    assert "WEBCHAT is not a setting; did you mean WEB_CHAT?" in told
    assert "ALLOWED_USERS: '12345' is not platform:id; did you mean telegram:12345?" in told
    assert "hidden-word" not in told


USUAL = (
    "HTTP_PROXY HTTPS_PROXY NO_PROXY KUBERNETES_SERVICE_HOST KUBERNETES_PORT XDG_DATA_HOME "
    "XDG_CONFIG_DIRS REDIS_HOST REDIS_PORT REDIS_PASSWORD HOME PATH LANG PYTHONPATH HOSTNAME PORT "
    "HOST LOG_FORMAT TZ SHELL USER LOGNAME TERM PWD OLDPWD LC_ALL EDITOR PAGER DISPLAY MAIL CI "
    "SSH_AUTH_SOCK VIRTUAL_ENV DATABASE_URL AWS_REGION AWS_ACCESS_KEY_ID OTEL_SERVICE_NAME "
    "OTEL_EXPORTER_OTLP_ENDPOINT GITHUB_TOKEN POD_NAME POD_NAMESPACE NODE_NAME container "
    "INVOCATION_ID JOURNAL_STREAM MEMORY_LIMIT CPU_LIMIT ANTHROPIC_API_KEY PYTHON_VERSION"
)


def test_usual_names_of_an_environment_are_no_misspelt_settings(tmp_path):
    settings = read_settings(_env_file=None)
    assert doubts(settings, dict.fromkeys(USUAL.split(), "x"), tmp_path / ".env") == []


def test_a_word_of_other_programs_names_is_no_typo_of_ours():
    settings = read_settings(_env_file=None)
    others = (
        "APP_TOKEN APP_TOKENS APPS_TOKEN APT_TOKEN AI_TOKEN ADMIN_TOKEN MATRIX_TOKEN REDIS_USER "
        "HTTP_FORMAT LOG_API_KEY SOCKS_API_URL SSL_MODEL MIN_TOKENS MAIL_TOKENS NODE_PROXY "
        "NPM_PROXY ALLOWED_HOSTS SYSTEM_PORT IMAGE_MODE DATE_DIR CI_BUNDLE SITE_PROMPT "
        "AUTH_API_KEY AI_MODEL"
    )
    assert {name: nearest(name, settings) for name in others.split()} == dict.fromkeys(
        others.split(), ""
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("API_TOEKN", "API_TOKEN"),
        ("APII_TOKEN", "API_TOKEN"),
        ("LMM_MODEL", "LLM_MODEL"),
        ("LLM_BASEURL", "LLM_BASE_URL"),
        ("SLACK_SIGNIN_SECRET", "SLACK_SIGNING_SECRET"),
        ("ALLOW_USERS", "ALLOWED_USERS"),
        ("ALOWED_CHATS", "ALLOWED_CHATS"),
        ("IMAGES_MODEL", "IMAGE_MODEL"),
        ("TIME_ZONE", "TIMEZONE"),
        ("REDIS_URI", "REDIS_URL"),
        ("SLACK_API_TOKEN", "SLACK_BOT_TOKEN"),
        ("SYSTEM_PROMT", "SYSTEM_PROMPT"),
    ],
)
def test_a_typo_is_told_with_what_was_meant(name, meant):
    assert nearest(name, read_settings(_env_file=None)) == meant


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IMAGE_BASE_URL", "https://["),
        ("AUDIO_BASE_URL", "https://hidden-word:99999/v1"),
        ("LLM_BASE_URL", "http://"),
        ("LLM_BASE_URL", "http://hidden-word/v1 http://other/v1"),
        ("SLACK_API_URL", "https://user:hidden-word@slack.example/api"),
        ("SLACK_API_URL", "hidden-word"),
        ("TELEGRAM_API_URL", "https://api.example:hidden-word"),
        ("PUBLIC_URL", "https://user:hidden-word@bot.example"),
        ("HTTPS_PROXY", "socks5://hidden-word"),
        ("HTTPS_PROXY", "http://user:hidden-word@[::1"),
        ("LLM_API_KEY", "hidden-word\nX-Other: 1"),
        ("API_TOKEN", "hidden-word\x1b[0m"),
        ("SLACK_BOT_TOKEN", "xoxb-hidden-word-\N{ZERO WIDTH SPACE}"),
    ],
)
async def test_what_nothing_can_be_sent_to_or_with_is_refused_by_its_name(tmp_path, name, value):
    code, out, err = await run(tmp_path, "check", **{name: value})
    assert code == 1
    assert err.startswith(f"palaver: {name}: ")
    assert len(err.splitlines()) == 1
    assert "hidden-word" not in out + err


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('base_url = "https://["', "base_url is no address"),
        ('base_url = "hidden-word"', "base_url must begin with"),
        ('base_url = "http://a"\nheaders = {"X Y" = "hidden-word"}', "headers: a name"),
        ('base_url = "http://a"\nheaders = {X = "hidden-word\\n"}', "headers: X holds"),
    ],
)
async def test_the_same_holds_for_palaver_toml(tmp_path, entry, words):
    file = tmp_path / "palaver.toml"
    file.write_text(f'[[model]]\nname = "fast"\nmodel = "m"\n{entry}\n')
    code, told = await check(tmp_path, PALAVER_CONFIG=str(file))
    assert code == 1
    assert f"fast: {words}" in told
    assert "hidden-word" not in told


async def test_a_key_of_palaver_toml_that_cannot_be_sent_is_named(tmp_path):
    file = tmp_path / "palaver.toml"
    file.write_text(
        '[[model]]\nname = "fast"\nmodel = "m"\nbase_url = "http://127.0.0.1:9"\nkey = "MY_KEY"\n'
    )
    code, told = await check(tmp_path, PALAVER_CONFIG=str(file), MY_KEY="hidden-word\ny")
    assert code == 1
    assert "MY_KEY: holds a line end" in told
    assert "hidden-word" not in told


def test_the_line_end_of_a_file_is_no_part_of_its_secret():
    settings = read_settings(_env_file=None, llm_api_key=" key\r\n", https_proxy="http://p:1\n")
    assert settings.llm_api_key.get_secret_value() == "key"
    assert settings.way.proxy == "http://p:1"


async def test_an_address_with_a_password_is_not_sent_the_chat_models_key(tmp_path, model):
    at = model.url.replace("://", "://user:hidden-word@")
    values = {"LLM_BASE_URL": model.url, "LLM_API_KEY": "chat-key", "LLM_MODEL": "m"}
    code, told = await check(tmp_path, IMAGE_BASE_URL=at, **values)
    assert "unexpected" not in told
    code, told = await check(tmp_path, IMAGE_BASE_URL=at, IMAGE_API_KEY="own-key", **values)
    assert code == 1
    assert "IMAGE_BASE_URL: holds a user and a password, and there is a key too" in told
    assert "hidden-word" not in told


async def test_a_probe_that_fails_in_a_way_nobody_foresaw_ends_no_other(
    tmp_path, monkeypatch, capsys, model, telegram
):
    async def broken(*_):
        raise KeyError("hidden-word")

    monkeypatch.setattr("bots.check.policies", broken)
    monkeypatch.chdir(tmp_path)
    values = telegram.settings()
    settings = read_settings(
        _env_file=None, data_dir=tmp_path / "d", llm_base_url=model.url, llm_model="m", **values
    )
    assert not await try_all(settings)
    out = capsys.readouterr().out
    assert re.search(r"FAIL store +ended by an unexpected KeyError \(", out)
    assert re.search(r"ok +model", out)
    assert re.search(r"ok +telegram", out)
    assert "hidden-word" not in out


async def test_certificates_that_are_none_are_told_by_each_who_needs_them(tmp_path, telegram):
    code, told = await check(tmp_path, telegram, CA_BUNDLE="/nowhere.pem")
    assert code == 1
    assert re.search(r"FAIL model +CA_BUNDLE", told)
    assert re.search(r"FAIL telegram +CA_BUNDLE", told)


@pytest.mark.parametrize(
    ("entry", "good"),
    [
        ("telegram:12345", True),
        ("telegram:-1001", True),
        ("slack:U012ABCDEF", True),
        ("web:some-visitor", True),
        ("telegram:@ann", False),
        ("@ann", False),
        ("Telegram:5", False),
        ("telegramm:5", False),
        ("slack:ann", False),
        ("ann\ud800", False),
    ],
)
def test_an_entry_of_a_list_is_platform_and_id(tmp_path, entry, good):
    settings = read_settings(_env_file=None, admins=entry)
    assert (doubts(settings, {}, tmp_path / ".env") == []) is good


def test_bytes_that_are_no_utf_8_in_a_setting_are_cleaned_and_told(tmp_path):
    settings = read_settings(_env_file=None, system_prompt="a\udcff", wake_words="x\ud800")
    assert settings.system_prompt.encode()
    assert settings.wake_words[0].encode()
    told = doubts(settings, {"SYSTEM_PROMPT": "a\udcff"}, tmp_path / ".env")
    assert told == ["SYSTEM_PROMPT holds bytes that are no UTF-8"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:pass@host:6379/0?x=secret", "redis://host:6379/0"),
        ("https://token@host/v1", "https://host/v1"),
        ("http://a:b/c@d@host:x/y", ["http://a:b", "@d@host:x/y"][0] + "/"),
        ("unix:///tmp/x.sock", "unix:///tmp/x.sock"),
        ("no url", "no url"),
    ],
)
def test_a_url_is_shown_without_what_gives_entry(url, shown):
    if "c@d" in url:
        assert "b/c" not in shown_url(url)
    else:
        assert shown_url(url) == shown


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://user:pass-word@host/v1", "pass-word"),
        ("https://:pass-word@host/v1", "pass-word"),
        ("https://sk-alone@host/v1", "sk-alone"),
        ("https://host/v1?key=sk-query", "sk-query"),
        ("https://host/v1?sk-query", "sk-query"),
        ("https://host/v1#key=sk-behind", "sk-behind"),
        ("https://host/v1?key=sk%2Fquery", "sk/query"),
    ],
)
def test_what_gives_entry_in_a_url_of_the_file_is_hidden_everywhere(tmp_path, url, secret):
    path = tmp_path / "palaver.toml"
    path.write_text(
        f'[[model]]\nname = "a"\nbase_url = "{url}"\nmodel = "m"\n'
        'headers = {X-Api-Key = "sk-header", X-Title = "Palaver"}\n'
        f'[moderation]\nmodel = "m"\nbase_url = "{url}"\n'
    )
    file = read_palaver_file(path)
    assert file.model[0].base_url == url
    told = redact(f"Palaver cannot reach {url}: {secret} sk-header")
    assert (secret in told, "sk-header" in told, "Palaver" in told) == (False, False, True)
    assert secret not in shown_url(url)


def test_secrets_in_urls_are_kept_and_not_shown_by_the_settings():
    settings = read_settings(
        _env_file=None,
        redis_url="redis://:hidden-one%21@host/0",
        llm_base_url="https://user:hidden-two@host/v1?key=hidden-three",
    )
    keep_secret(*settings.secrets())
    for secret in ("hidden-one%21", "hidden-one!", "hidden-two", "hidden-three"):
        assert secret not in redact(f"error: {secret}.")
        assert secret not in repr(settings)


async def test_a_budget_in_dollars_needs_a_price(tmp_path):
    more = {"LLM_BASE_URL": "https://llm.invalid/v1", "BUDGETS": "tenant 1 usd/day"}
    code, told = await check(tmp_path, **more, LLM_MODEL="x")
    assert code == 1
    assert "budgets in dollars refuse x: its price is not known" in told
    code, told = await check(tmp_path, BUDGETS="person two usd/day")
    assert code == 1
    assert re.search(r"FAIL budgets +BUDGETS: 'two usd' is no amount", told)
