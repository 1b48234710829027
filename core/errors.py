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
    """Anything that Palaver itself raises.

    Its text may quote others: one short line of it, and no secret that is known.
    """

    def __init__(self, text: str = "") -> None:
        said = redact(text[: 10 * MOST_CHARS])[:MOST_CHARS]
        super().__init__("".join(one if one.isprintable() else " " for one in said))


class ConfigError(PalaverError):
    """*setting* is the name as the operator writes it; the text says what to do."""

    def __init__(self, setting: str, text: str) -> None:
        super().__init__(f"{setting}: {text}")
        self.setting = setting


class PlatformError(PalaverError):
    """The platform did not do what it was asked; trying later may work."""


class RateLimited(PlatformError):
    """The platform asks for *retry_after_s* seconds of silence in this place."""

    def __init__(self, text: str, retry_after_s: float) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class Silenced(PlatformError):
    """Nothing may be called there for so long that the turn should not wait for it."""


class Impossible(PlatformError):
    """A call that will never work, however often it is made."""


class ChatLost(Impossible):
    """The chat, or our place in it, does not exist (any more)."""


class PostLost(Impossible):
    """The post does not exist, or takes no more changes: what it should say needs another one."""


class ContentRefused(Impossible):
    """The platform does not take this content; another form of it may pass."""


class NoRight(Impossible):
    """The place does not let us do this; *right* says what: `pictures`, `files` or `voice`."""

    def __init__(self, text: str, right: str) -> None:
        super().__init__(text)
        self.right = right


class Full(PlatformError):
    """The post takes no more text: what follows belongs into another one."""


class Barred(NoRight):
    """We may not write there; *why*: the `topic` is closed, or nobody lets us send `text`."""

    def __init__(self, text: str, why: Literal["topic", "text"]) -> None:
        super().__init__(text, why)
        self.why = why


class AttachmentLost(PlatformError):
    """What came with a message is not there (any more), or not for us."""


class AttachmentTooLarge(PlatformError):
    """What came with a message is larger than may be read."""


class Revoked(PlatformError):
    """The platform does not accept our credentials (any more)."""


class ModelError(PalaverError):
    """The provider failed.

    *billed*: what it told of the cost before it failed, where no delta told that: the fields of
    `core.models.chunks.Usage`, in order.
    """

    billed: tuple[float, ...] = ()


class Overloaded(ModelError):
    """Busy, unreachable or broken before the first word; *retry_after_s* may be 0."""

    def __init__(self, text: str, retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class Lost(Overloaded):
    """It was asked, and perhaps done and paid, but the answer did not arrive; not asked again."""


class Refused(ModelError):
    """The provider will not answer this request; never retried.

    *said*: the provider's own words, whole, for who learns from them; never logged or shown.
    """

    def __init__(self, text: str, reason: RefusedReason = "request", said: str = "") -> None:
        super().__init__(text)
        self.reason: RefusedReason = reason
        self.said = said


class Interrupted(ModelError):
    """The stream broke, stalled or made no sense after it had begun."""


class FetchError(PalaverError):
    """What is at an address that came from outside cannot be had; the text does not quote it."""


class AddressRefused(FetchError):
    """The address is none, or leads where nobody from outside may send us."""


class StoreError(PalaverError):
    """Redis is away, or refuses to write."""


class LeaseLost(StoreError):
    """Another worker owns this turn now: stop, and change nothing."""
