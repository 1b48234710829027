"""What people and answers may use: the part of the settings that bounds it."""

from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings

from core.fields import Key, Names, Url


class Allowances(BaseSettings):
    """Counts, sums and rates. `core.settings` adds everything else."""

    tools: Names = Field(
        ("time", "calculate", "image", "remind", "reminders", "memory", "search_here"),
        description="which built-in tools the model may call, comma-separated; empty: none",
    )
    tools_ask: Literal["effects", "listed", "never"] = Field(
        "effects",
        description="which calls a person must allow: effects, all that change something; listed, "
        "those of servers' ask lists; never, none. After text of strangers was read: all that "
        "change something, always",
    )
    search: Literal["", "searxng", "brave", "tavily", "exa", "serper", "native"] = Field(
        "",
        description="the search of web_search: searxng, brave, tavily, exa or serper; or native, "
        "that of the model's own provider. With it the model may also read pages that a person or "
        "a result names (read_page)",
    )
    search_key: Key = Field(SecretStr(""), description="the key of that search")
    search_url: Url = Field("", description="where a SearXNG of one's own, or a gateway, is")
    accounts_key: Key = Field(
        SecretStr(""),
        validation_alias=AliasChoices("accounts_key", "palaver_secret"),
        description="encrypts what people sign in to tool servers with (`sign_in`), and the tokens "
        "of Slack workspaces; several, comma-separated: the first encrypts, all decrypt. Also "
        "called PALAVER_SECRET",
    )
    tool_steps: int = Field(16, ge=1, description="how many tool calls one answer may make")
    tool_seconds: float = Field(
        180.0, gt=0, description="seconds that the tool calls of one answer may take together"
    )
    tool_usd: float = Field(
        0.0, ge=0, description="dollars after which an answer calls no more tools; 0: any sum"
    )
    budgets: str = Field(
        "",
        description="what may be spent, such as person 2 usd/day, place 1m tokens/week, tenant 100 "
        "usd/month; units: usd, tokens, pictures, minutes, tools",
    )
    over_budget: str = Field(
        "", description="the cheaper model that answers when a budget of BUDGETS is used up"
    )
    budget_contact: str = Field(
        "", description="whom people are told to ask for more, such as @ann; unset: an admin"
    )
    questions_per_minute: int = Field(
        0, ge=0, description="questions of one person in a minute, everywhere; 0: any number"
    )
    pictures_per_hour: int = Field(
        0, ge=0, description="pictures for one person in an hour, everywhere; 0: any number"
    )
    max_turns: int = Field(200, ge=1, description="answers at once in one process")
    max_per_person: int = Field(
        5, ge=0, description="answers at once for one person, all processes together; 0: any number"
    )
    # A chat allows about twenty calls a minute: more answers at once would wait for each other.
    max_per_place: int = Field(
        20, ge=0, description="answers at once in one group or channel; 0: any number"
    )
    max_waiting: int = Field(
        20, ge=1, description="questions of one person waiting in one conversation"
    )
    reminders_per_person: int = Field(20, ge=0, description="reminders of one person; 0: none")
    reminders_per_place: int = Field(200, ge=0, description="reminders in one place; 0: none")
