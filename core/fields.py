"""Types of settings that the core and the platforms share."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from core.net.urls import fault_of
from core.secret import unsendable

LEAST_CHARS = 16
"""Of a key that lets its holder in: who guesses must have no chance."""
LEAST_DIFFERENT = 8


def split(value: object) -> object:
    """The parts of a text that are separated by commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def address(value: str, *, user: bool = False) -> str:
    """*value*, if it is an address or empty. Raises `ValueError`.

    *user*: whether it may contain a name and a password, or a query. Else it may be shown.
    """
    value = value.strip()
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    if value and (fault := fault_of(value, user=user, query=user)):
        raise ValueError(fault)
    return value.rstrip("/")


def _called(value: str) -> str:
    return address(value, user=True)


def _sendable(value: SecretStr) -> SecretStr:
    # Files with secrets often end with a line end.
    secret = value.get_secret_value().strip()
    if fault := unsendable(secret):
        raise ValueError(fault)
    return SecretStr(secret)


def _long(value: SecretStr) -> SecretStr:
    if 0 < len(value.get_secret_value()) < LEAST_CHARS:
        raise ValueError(f"must have at least {LEAST_CHARS} characters")
    if 0 < len({*value.get_secret_value()}) < LEAST_DIFFERENT:
        raise ValueError(f"must have at least {LEAST_DIFFERENT} different characters")
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]
"""A list, separated by commas."""
Url = Annotated[str, AfterValidator(_called)]
"""The address of an API that we call, without a slash at its end."""
PublicUrl = Annotated[str, AfterValidator(address)]
"""An address that others see, so it may contain no password."""
Key = Annotated[SecretStr, AfterValidator(_sendable)]
"""A key or a token that is sent in a header."""
LongKey = Annotated[SecretStr, AfterValidator(_sendable), AfterValidator(_long)]
"""A key that lets its holder in."""
Shards = Annotated[int, Field(ge=1, le=64)]
"""Each process holds a connection or two for each of them."""
