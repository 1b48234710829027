"""Slack's rate limits: the buckets of each method."""

from typing import NamedTuple

from core.platform import Bucket

# Slack counts per method, workspace and app (docs.slack.dev, rate limits). chat.update is Tier 3:
# 50 and more a minute. chat.postMessage may be called about once a second in a channel, with short
# bursts. Each pair is (calls, seconds). Our minute is a little longer than Slack's, because calls
# may arrive late. Slack does not publish how large bursts may be: we begin with a few and try more.
UPDATE = (50, 61.0)
UPDATE_BURST = (3, 3.66)
POST, POST_UPTO = (3, 3.06), 5
OF_ONE = (100, 61.5)


class App(NamedTuple):
    """The owner of limits: the app in one workspace, by its *id*, and the *tenant* that it is."""

    id: str
    tenant: str = ""


def post_budget(app: App, channel: str) -> tuple[Bucket, ...]:
    kind, of = f"slack:{app.id}:post", app.tenant
    key = f"{kind}:{channel}"
    return (Bucket(key, *POST, 0, refills=True, upto=POST_UPTO, like=kind, of=of),)


def tier_budget(
    app: App, method: str, minute: tuple[int, float], burst: tuple[int, float]
) -> tuple[Bucket, ...]:
    """The buckets of a *method* that allows so many calls in a *minute* and in a *burst*."""
    key, of = f"slack:{app.id}:{method}", app.tenant
    return (
        Bucket(key, *minute, of=of),
        Bucket(f"{key}:burst", *burst, upto=minute[0], refills=True, of=of),
    )


def of_one_budget(app: App, method: str) -> tuple[Bucket, ...]:
    """The bucket of a *method* of Tier 4 whose posts only one person sees."""
    return (Bucket(f"slack:{app.id}:{method}", *OF_ONE, reserve=0, of=app.tenant),)


def update_budget(app: App) -> tuple[Bucket, ...]:
    return tier_budget(app, "update", UPDATE, UPDATE_BURST)


def rename_budget(app: App) -> tuple[Bucket, ...]:
    return tier_budget(app, "rename", UPDATE, UPDATE_BURST)


def status_budget(app: App) -> tuple[Bucket, ...]:
    return tier_budget(app, "status", UPDATE, UPDATE_BURST)
