"""The core's settings: environment or `.env`, everything optional.

A platform declares its own in its `plugin.py`; `bots/registry.py` puts them beside these.

Each field's description is what `palaver check` and the README's table say of it.
"""

import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from core.allowances import Allowances
from core.border import clean
from core.fields import Key, LongKey, Names, PublicUrl, Shards, Url, split
from core.net.urls import fault_of
from core.net.way import SOCKS, Way
from core.secret import secrets_of, shown_url


class Settings(Allowances):
    """The operator's choices. A field's name is the variable's name in lower case."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, allow_inf_nan=False
    )

    tenanted: ClassVar[tuple[str, ...]] = ()
    """The platforms that may have several tenants, each in a table of `palaver.toml`."""

    palaver_config: Path | None = Field(
        None, description="a palaver.toml with several models, instead of LLM_*, and with filters"
    )
    llm_base_url: Url = Field(
        "", description="any OpenAI-compatible chat API; unset: a local Ollama, else the demo"
    )
    llm_api_key: Key = Field(SecretStr(""), description="its key")
    llm_model: str = Field("", description="its model; unset: the first one the API lists")
    llm_continue: Literal["auto", "no", "prefix", "final_message", "prefill", "event_id"] = Field(
        "auto",
        description="how it continues a broken answer: auto, no, prefix, final_message, prefill, "
        "event_id",
    )
    llm_price: Annotated[tuple[float, ...], NoDecode, BeforeValidator(split)] = Field(
        (), description="dollars for a million tokens: read, cached, written; comma-separated"
    )
    llm_first_s: float = Field(
        180.0, gt=0, description="seconds that it may be silent before its first sign of life"
    )
    llm_silence_s: float = Field(
        60.0, gt=0, description="seconds that it may be silent then; a keep-alive is a sign of life"
    )
    llm_whole_s: float = Field(1800.0, gt=0, description="seconds that one answer may take")
    llm_parameters: str = Field(
        "",
        description="what it is asked with, such as temperature=0.2,reasoning_effort=high; also "
        "top_p, thinking_tokens, verbosity, service_tier, cache",
    )
    small_model: str = Field(
        "",
        description="a cheaper model for titles and for summaries of long conversations, by the "
        "name that /model takes; unset: there are none",
    )
    small_question_chars: int = Field(
        0,
        ge=0,
        description="a first question of so few characters goes to SMALL_MODEL; 0: none does",
    )
    llm_vision: bool = Field(True, description="whether it can look at pictures")
    llm_picture_links: bool = Field(
        False,
        description="whether it fetches pictures itself, from addresses below `PUBLIC_URL`, and "
        "is not sent them",
    )
    llm_hears: bool = Field(
        False,
        description="whether the model itself gets voice messages, if there is no AUDIO_MODEL",
    )
    llm_memory: Literal["off", "private", "all", "shared"] = Field(
        "private",
        description="who gets the same answer to the same first question for an hour: nobody; the "
        "same private chat; also the same group; everybody",
    )
    audio_model: str = Field(
        "", description="voice messages are transcribed when this is set, such as whisper-1"
    )
    audio_base_url: Url = Field("", description="its API; unset: the LLM's")
    audio_api_key: Key = Field(SecretStr(""), description="its key; unset: the LLM's")
    speech_model: str = Field(
        "", description="/voice on lets answers be spoken when this is set, such as tts-1"
    )
    speech_voice: str = Field("alloy", description="the voice that speaks")
    image_base_url: Url = Field(
        "", description="image API; unset: the LLM's, or the demo painter without an LLM"
    )
    image_api_key: Key = Field(SecretStr(""), description="its key; unset: the LLM's")
    image_model: str = Field("", description="its model; unset: the API's own default")
    image_previews: int = Field(
        2,
        ge=0,
        le=3,
        description="unfinished pictures to show while one is painted, if model and platform can "
        "do that; OpenAI charges a little for each",
    )
    image_price: float = Field(0.0, ge=0, description="dollars for a picture")
    audio_price: float = Field(
        0.0, ge=0, description="dollars for a minute of speech, heard or spoken"
    )
    image_callbacks: bool = Field(
        False, description="whether the image API paints later and then calls PUBLIC_URL (AceData)"
    )

    https_proxy: SecretStr = Field(
        SecretStr(""),
        description="every call out takes this proxy, such as http://host:3128 or "
        "socks5://host:1080",
    )
    no_proxy: str = Field(
        "",
        description="hosts that are reached without the proxy, comma-separated: names, addresses, "
        "networks, *",
    )
    proxy_judges: bool = Field(
        False,
        description="the proxy itself refuses addresses inside; without it, pictures that an image "
        "API gives by address are not fetched through the proxy",
    )
    ca_bundle: str = Field(
        "", description="a file of certificates to believe besides the usual ones"
    )

    redis_url: SecretStr = Field(
        SecretStr(""),
        description="server, cluster or Sentinels; unset: an embedded Valkey in DATA_DIR",
    )
    shards: Shards = Field(1, description="parts of the store, for a cluster; fixed at first use")
    data_dir: Path = Field(Path(".palaver"), description="where the embedded store keeps its files")

    http_host: str = Field("127.0.0.1", description="where the one HTTP server listens")
    http_port: int = Field(8080, ge=0, le=65535, description="its port; 0: any free one")
    public_url: PublicUrl = Field("", description="how the world reaches that server, for webhooks")
    api_token: Key = Field(
        SecretStr(""), description="POST /api/ask is on when this is set, for programs that send it"
    )

    admin_token: LongKey = Field(
        SecretStr(""), description="signs in to the operator's page /admin; 16 characters or more"
    )

    open: bool = Field(False, description="whether everyone who finds the bot may ask")
    allowed_users: Names = Field((), description="who may ask, as platform:id, comma-separated")
    allowed_chats: Names = Field((), description="in which chats anyone may ask, as platform:id")
    admins: Names = Field(
        (), description="who may let people in, block them, and change what concerns others"
    )
    owners: Names = Field((), description="who may do all that, and make others admins")
    place_admins: bool = Field(
        True,
        description="whether admins of a Telegram group, and of a Slack workspace or channel, may "
        "change there what concerns others",
    )
    rights: Names = Field(
        (),
        description="what the table of rights says otherwise, as act=role, comma-separated, such "
        "as image=admin,new=member",
    )
    allowed_models: Names = Field(
        (),
        description="which models one may choose with /model and /compare, comma-separated; unset: "
        "those of palaver.toml, or any of the one API; *: any; NAME=admin: for admins alone",
    )
    context: str = Field(
        "thread",
        pattern=r"^(off|thread|recent [1-9]\d{0,2})$",
        description="what the model is told of what people said before a question in a Slack "
        "channel: off, thread (the thread), or recent and a number (outside of threads the last "
        "messages too)",
    )
    wake_words: Names = Field(
        (), description="words at the start of a group message that speak to the bot"
    )

    system_prompt: str = Field(
        "You are Palaver, a helpful assistant in a chat. Answer in the language of the question. "
        "Use Markdown where it helps.",
        description="what the model is told first",
    )
    timezone: str = Field(
        "",
        description="the time zone of the time that the model is told, such as Asia/Shanghai; "
        "unset: TZ's",
    )

    history_tokens: int = Field(8000, ge=0, description="how much history is sent with a question")
    memory_learn: bool = Field(
        True, description="let SMALL_MODEL propose facts to remember of people"
    )
    max_tokens: int = Field(0, ge=0, description="the longest answer; 0: the API's own limit")
    history_ttl: int = Field(2_592_000, ge=60, description="seconds that an idle chat is kept")

    reasoning: Literal["hide", "quote"] = Field(
        "hide", description="a model's thinking: hide it, or quote it above the answer"
    )
    grace_s: float = Field(20.0, ge=0, description="seconds that running answers get at a stop")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_prompts: bool = Field(False, description="questions and answers in the log; else never")
    trace_content: bool = Field(
        False, description="with LOG_PROMPTS: questions and answers in OpenTelemetry spans too"
    )
    log_json: bool = Field(False, description="one JSON object per log line")

    @field_validator("*", mode="before")
    @classmethod
    def _clean(cls, value: object) -> object:
        if isinstance(value, str):
            if "\0" in value:
                raise ValueError("holds a zero byte")
            # Bytes that are no UTF-8 become lone surrogates, which cannot be encoded.
            return clean(value)
        return value

    @field_validator("llm_price")
    @classmethod
    def _three(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) not in (0, 3) or any(price < 0 for price in value):
            raise ValueError("must be three prices: read, cached, written")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value) if value else None
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("must name a time zone, such as Europe/Berlin") from error
        return value

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @field_validator("https_proxy")
    @classmethod
    def _http_proxy(cls, value: SecretStr) -> SecretStr:
        proxy = value.get_secret_value().strip()
        if proxy and proxy.partition("://")[0] not in ("http", "https", *SOCKS):
            raise ValueError("must begin with http://, https://, socks5:// or socks4://")
        if proxy and (fault := fault_of(proxy, user=True)):
            raise ValueError(fault)
        return SecretStr(proxy)

    @property
    def way(self) -> Way:
        """How requests leave this machine: proxies and certificates."""
        proxy = self.https_proxy.get_secret_value()
        return Way(proxy, self.no_proxy, self.proxy_judges, self.ca_bundle)

    @property
    def traces_content(self) -> bool:
        """Whether questions and answers stand in spans."""
        return self.log_prompts and self.trace_content

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the HTTP server."""
        if self.public_url:
            return False
        try:
            return ipaddress.ip_address(self.http_host).is_loopback
        except ValueError:
            return self.http_host == "localhost"

    def secrets(self) -> tuple[str, ...]:
        """Every secret that is set, for the logs to hide."""
        found: list[str] = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
                each = [value, *map(str.strip, value.split(","))]
                found += each if value and not secrets_of(value) else []
            found += secrets_of(value) if isinstance(value, str) else []
        # These proxies are in no setting, but the errors of HTTP clients quote them.
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            for proxy in (os.environ.get(name, ""), os.environ.get(name.lower(), "")):
                found += secrets_of(proxy)
        return tuple(found)

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        for name, value in super().__repr_args__():
            yield name, shown_url(value) if isinstance(value, str) else value
