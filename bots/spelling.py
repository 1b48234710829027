"""Finds likely mistakes in the settings: misspelt names, lists of something else, bad bytes.

An unknown name cannot be refused, because the environment holds the variables of all programs. If
it is nearly one of ours, the operator is told the name, and never the value.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values
from pydantic import AliasChoices

from bots.registry import found
from core.settings import Settings

NEAR = 0.8
"""How alike two names must be for `difflib`. Each word of them is then compared too."""
MOST_MORE = 2
"""A typo has at most so many letters more or less than our name."""
SHORT = 5
"""In a word of so many letters a typo is one slip. Two slips make it another word."""
_ALIASES = {
    "LLM_URL": "LLM_BASE_URL",
    "OPENAI_API_KEY": "LLM_API_KEY",
    "OPENAI_BASE_URL": "LLM_BASE_URL",
    "OPENAI_API_BASE": "LLM_BASE_URL",
    "OPENAI_MODEL": "LLM_MODEL",
    "LLM_API_URL": "LLM_BASE_URL",
    "IMAGE_API_URL": "IMAGE_BASE_URL",
    "AUDIO_API_URL": "AUDIO_BASE_URL",
}
OTHERS = ("HTTP_PROXY", "HTTPS_PORT", "HTTPS_HOST", "HTTP_PORTS")
"""Near to names of ours, but meant for other programs."""
WORDS = frozenset(["AI", "APP", "APPS", "APT", "CD", "CI", "DATE", "MAIN", "MAP", "MODE"])
"""Words in the names of other programs that are one slip from a word of ours: APP_TOKEN is not a
misspelt API_TOKEN."""
TERMINAL = r"cli-[^:\s]+:\S+"
"""The id of a person who uses `palaver ask`."""


def doubts(
    settings: Settings, environ: Mapping[str, str] = os.environ, env_file: Path = Path(".env")
) -> list[str]:
    """One sentence for each likely mistake."""
    named = _named(settings)
    names = {*environ, *(dotenv_values(env_file) if env_file.is_file() else ())}
    found = [
        f"{name} is not a setting; did you mean {near}?"
        for name in sorted(names - named)
        if (near := nearest(name, settings))
    ]
    for listed in ("allowed_users", "allowed_chats", "admins", "owners"):
        found += [
            f"{listed.upper()}: {_shown(entry)} is not platform:id{_guess(entry)}"
            for entry in getattr(settings, listed)
            if not _is_entry(entry)
        ]
    found += [
        f"{name} holds bytes that are no UTF-8"
        for name in sorted(environ)
        if name.lower() in type(settings).model_fields and not _encodes(environ[name])
    ]
    return found


def nearest(name: str, settings: Settings) -> str:
    """The setting that *name* probably means; empty if *name* is a setting, or near to none."""
    upper = name.upper()
    ours = [one.upper() for one in type(settings).model_fields]
    too_long = len(upper) > 2 * max(map(len, ours))
    if upper in ours or upper in OTHERS or too_long or not _encodes(name):
        return ""
    aliases = _ALIASES.copy()
    for plugin in found():
        aliases.update(plugin.aliases)
    if upper in aliases:
        # Other programs use these names too. So only a setting that is not set can be meant.
        meant = aliases[upper]
        return "" if meant.lower() in settings.model_fields_set else meant
    near = get_close_matches(upper, ours, n=5, cutoff=NEAR)
    return next((one for one in near if _misspells(upper, one)), "")


def _misspells(name: str, ours: str) -> bool:
    """Whether each word of *name* is a word of *ours* or its typo, or only a `_` is missing.

    A name that begins differently, or is much longer, is another program's (AWS_CA_BUNDLE).
    """
    if name[:1] != ours[:1] or abs(len(name) - len(ours)) > MOST_MORE:
        return False
    words, meant = name.split("_"), ours.split("_")
    if len(words) != len(meant):
        return slips(name.replace("_", ""), ours.replace("_", "")) <= 1
    return all(
        one == other
        or (
            one not in WORDS
            and slips(one, other) <= (1 if min(len(one), len(other)) <= SHORT else 2)
        )
        or (len(one) >= SHORT and other.startswith(one))  # ALLOW_USERS
        for one, other in zip(words, meant, strict=True)
    )


def slips(one: str, other: str) -> int:
    """The least number of letters that were left out, added, changed, or swapped with the next."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            least = min(row[-1] + 1, rows[-1][j] + 1, rows[-1][j - 1] + (letter != wanted))
            if i > 1 < j and letter == other[j - 2] and wanted == one[i - 2]:
                least = min(least, rows[-2][j - 2] + 1)
            row.append(least)
        rows.append(row)
    return rows[-1][-1]


def unknown(settings: Settings, env_file: Path = Path(".env")) -> list[str]:
    """The names in *env_file* that are no settings and near to none."""
    names = dotenv_values(env_file) if env_file.is_file() else {}
    known = {one.upper() for one in type(settings).model_fields} | _named(settings)
    known |= {other.upper() for other in _also_called(settings)}
    return sorted(n for n in names if n.upper() not in known and not nearest(n, settings))


def _also_called(settings: Settings) -> Iterator[str]:
    """The second names of settings."""
    for field in type(settings).model_fields.values():
        if isinstance(field.validation_alias, AliasChoices):
            yield from map(str, field.validation_alias.choices)


def _named(settings: Settings) -> set[str]:
    """The variables that `palaver.toml` names as holders of its API keys."""
    if settings.palaver_config is None:
        return set()
    try:
        text = settings.palaver_config.read_text("utf-8", "replace")
    except OSError:
        return set()
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text))


def _is_entry(entry: str) -> bool:
    patterns = [rf"{plugin.name}(?:\+[\w-]+)?:{plugin.ids}" for plugin in found()]
    return re.fullmatch("|".join((*patterns, TERMINAL)), entry) is not None


def _guess(entry: str) -> str:
    number = entry.lstrip("@#")
    for plugin in found():
        if plugin.bare_ids and re.fullmatch(plugin.bare_ids, number):
            return f"; did you mean {plugin.name}:{number}?"
    kind, colon, rest = entry.partition(":")
    names = [plugin.name for plugin in found()]
    near: Iterable[str] = get_close_matches(kind.lower().strip(), names, n=1, cutoff=0.6)
    meant = next((f"{one}:{rest.strip()}" for one in near), "") if colon else ""
    return f"; did you mean {meant}?" if _is_entry(meant) else ""


def _shown(entry: str) -> str:
    return repr(entry[:40])


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
