"""Slack's rate limits: the buckets of each method."""

from core.platform import Bucket

# Slack counts per method, workspace and app (docs.slack.dev, rate limits). chat.update is Tier 3:
# 50 and more a minute. chat.postMessage may be called about once a second in a channel, with short
# bursts. Each pair is (calls, seconds). Our minute is a little longer than Slack's, because calls
# may arrive late. Slack does not publish how large bursts may be: we begin with a few and try more.
UPDATE = (50, 61.0)
UPDATE_BURST = (3, 3.66)
POST, POST_UPTO = (3, 3.06), 5


def post_budget(app: str, channel: str) -> tuple[Bucket, ...]:
    kind = f"slack:{app}:post"
    return (Bucket(f"{kind}:{channel}", *POST, 0, refills=True, upto=POST_UPTO, like=kind),)


def tier_budget(
    key: str, minute: tuple[int, float], burst: tuple[int, float]
) -> tuple[Bucket, ...]:
    """The buckets of a method that allows so many calls in a *minute* and in a *burst*."""
    return (
        Bucket(key, *minute),
        Bucket(f"{key}:burst", *burst, upto=minute[0], refills=True),
    )


def update_budget(app: str) -> tuple[Bucket, ...]:
    return tier_budget(f"slack:{app}:update", UPDATE, UPDATE_BURST)


def rename_budget(app: str) -> tuple[Bucket, ...]:
    return tier_budget(f"slack:{app}:rename", UPDATE, UPDATE_BURST)


def status_budget(app: str) -> tuple[Bucket, ...]:
    return tier_budget(f"slack:{app}:status", UPDATE, UPDATE_BURST)
