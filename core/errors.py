"""What can go wrong, sorted by whose fault it is.

    PalaverError
    ├── ConfigError             the operator: a setting is missing or wrong
    ├── PlatformError           the platform: may work later
    │   ├── RateLimited         asked too often; carries `retry_after_s`
    │   ├── Silenced            nothing may be said there for longer than a turn should wait
    │   ├── Impossible          this call will never work
    │   │   ├── ChatLost        the chat, or our place in it, is lost
    │   │   ├── PostLost        this post is lost; another one can be made
    │   │   ├── ContentRefused  the platform does not take this content
    │   │   └── NoRight         we lack a right here; carries which
    │   │       └── Barred      we may not write there, though others can; carries why
    │   ├── Full                the post takes no more text
    │   ├── AttachmentLost      what came with a message cannot be had
    │   ├── AttachmentTooLarge  it is larger than we read
    │   └── Revoked             the credentials stopped working
    ├── ModelError              the provider
    │   ├── Overloaded          busy or broken before the first word; retried
    │   │   └── Lost            done or not, nobody knows; not retried
    │   ├── Refused             the request will never work; carries `reason`
    │   └── Interrupted         the stream broke after the first word
    ├── FetchError              what is at an address from outside cannot be had
    │   └── AddressRefused      it may not even be asked for
    └── StoreError              Redis is away or refuses
        └── LeaseLost           another worker owns the turn now

No message of these carries a secret: they may be logged as they are.
"""

from typing import Literal

from core.secret import redact

RefusedReason = Literal[
    "key",
    "balance",
    "model",
    "policy",
    "length",
    "request",
    "empty",
    "thinking",
    "tools",
    "picture",
    "endless",
    "filter",
]


MOST_CHARS = 1_000


class PalaverError(Exception):
    """All errors that Palaver itself raises.

    The text may quote others. It is cut to one short line, and known secrets are removed.
    """

    def __init__(self, text: str = "") -> None:
        said = redact(text[: 10 * MOST_CHARS])[:MOST_CHARS]
        super().__init__("".join(one if one.isprintable() else " " for one in said))


class ConfigError(PalaverError):
    """*setting* (its name as the operator writes it) is wrong. The text says what to do."""

    def __init__(self, setting: str, text: str) -> None:
        super().__init__(f"{setting}: {text}")
        self.setting = setting


class PlatformError(PalaverError):
    """The platform did not do what it was asked. A later try may work."""


class RateLimited(PlatformError):
    """The platform asks for *retry_after_s* seconds of silence in this place."""

    def __init__(self, text: str, retry_after_s: float) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class Silenced(PlatformError):
    """No call may be made there for longer than a turn should wait."""


class Impossible(PlatformError):
    """The call will never work. Do not try it again."""


class ChatLost(Impossible):
    """The chat, or our place in it, does not exist (any more)."""


class PostLost(Impossible):
    """The post does not exist, or cannot be changed any more. Make another post."""


class ContentRefused(Impossible):
    """The platform does not take this content. Another form of it may pass."""


class NoRight(Impossible):
    """We lack a right in this place. *right*: `pictures`, `files`, `voice` or `reactions`."""

    def __init__(self, text: str, right: str) -> None:
        super().__init__(text)
        self.right = right


class Full(PlatformError):
    """The post takes no more text. Put the rest into another post."""


class Barred(NoRight):
    """We may not write there.

    *why*: the `topic` is closed, we have no right to send `text`, the `channel` lets few write or
    is `archived`, or the messages `tab` of the app is off.
    """

    def __init__(
        self, text: str, why: Literal["topic", "text", "channel", "archived", "tab"]
    ) -> None:
        super().__init__(text, why)
        self.why = why


class AttachmentLost(PlatformError):
    """An attachment does not exist (any more), or we may not have it."""


class AttachmentTooLarge(PlatformError):
    """An attachment is larger than we read."""


class Revoked(PlatformError):
    """The platform does not accept our credentials (any more)."""


class ModelError(PalaverError):
    """The provider failed.

    *billed*: the costs that the provider told before it failed, if no delta told them: the fields
    of `core.models.chunks.Usage`, in order.
    """

    billed: tuple[float, ...] = ()


class Overloaded(ModelError):
    """The provider was busy, away or broken before the first word. *retry_after_s* may be 0."""

    def __init__(self, text: str, retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class Lost(Overloaded):
    """The answer did not arrive. The work may be done and paid, so it is not asked again."""


class Refused(ModelError):
    """The provider will never answer this request. Not retried.

    *said*: the provider's own full text, for code that learns from it. *generated*: what the model
    had answered, if that was refused. Neither is logged or shown.
    """

    def __init__(
        self, text: str, reason: RefusedReason = "request", said: str = "", generated: str = ""
    ) -> None:
        super().__init__(text)
        self.reason: RefusedReason = reason
        self.said = said
        self.generated = generated


class Interrupted(ModelError):
    """The stream broke, stopped or made no sense after it had begun."""


class FetchError(PalaverError):
    """An address from outside could not be fetched. The text does not quote the address."""


class AddressRefused(FetchError):
    """The text is no address, or it leads to a place that strangers may not send us to."""


class StoreError(PalaverError):
    """Redis is away, or refuses to write."""


class LeaseLost(StoreError):
    """Another worker has this turn now. Stop, and change nothing."""
