"""Counts what the metrics counted into the store, for the operator's page."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress

from core import __version__
from core.errors import StoreError
from core.live.delivery import last_refusals
from core.renewal import Renewal
from core.store.use import ModelTold, Told, Use
from core.telemetry import Metrics

EVERY_S = 5.0
COUNTED = {
    "palaver_incomings_total": "in",
    "palaver_turns_total": "turns",
    "palaver_first_text_seconds_bucket": "first",
    "palaver_whole_text_seconds_bucket": "whole",
    "palaver_loop_lag_seconds_bucket": "lag",
    "palaver_updates_total": "updates",
    "palaver_steps_total": "tools",
    "palaver_pictures_total": "pictures",
    "palaver_model_calls_total": "calls",
    "palaver_model_first_word_seconds_bucket": "word",
    "palaver_tokens_total": "tokens",
    "palaver_cost_usd_total": "usd",
}
"""What of the metrics is kept over time. Labels follow, in their order, behind bars."""


class Counting:
    """One process's part of it.

    Args:
        name: of this process.
        most: how many turns may run in it.
        health: what is wrong, by part, and what is only worth saying.
        renewal: of `palaver.toml`.
    """

    def __init__(
        self,
        use: Use,
        metrics: Metrics,
        name: str,
        most: int,
        platforms: Collection[str],
        health: Callable[[], tuple[Mapping[str, str], Sequence[str]]],
        renewal: Renewal,
    ) -> None:
        self._use = use
        self._metrics = metrics
        self._name = name
        self._most = most
        self._platforms = platforms
        self._health = health
        self._renewal = renewal
        self._since = time.time()
        self._before: Mapping[str, float] = {}

    async def watch(self) -> None:
        """Add what was counted, again and again; at the end once more."""
        try:
            while True:
                await self._add()
                await asyncio.sleep(EVERY_S)
        finally:
            with suppress(StoreError):
                await self._add()
                await self._use.leave(self._name)

    async def _add(self) -> None:
        now = dict(self._sampled())
        more = {name: much - self._before.get(name, 0.0) for name, much in now.items()}
        more = {name: much for name, much in more.items() if much > 0}
        try:
            await self._use.add(more, self._told(now, more))
        except StoreError:
            return  # It is counted with the next time.
        self._before = now

    def _sampled(self) -> Iterator[tuple[str, float]]:
        for metric in self._metrics.registry.collect():
            for sample in metric.samples:
                if kind := COUNTED.get(sample.name):
                    yield "|".join([kind, *sample.labels.values()]), sample.value

    def _told(self, now: Mapping[str, float], more: Mapping[str, float]) -> Told:
        wrong, warnings = self._health()
        running = self._metrics.registry.get_sample_value("palaver_turns_running")
        return Told(
            self._name,
            time.time(),
            self._since,
            __version__,
            int(running or 0),
            self._most,
            (quantile(more, "lag", 0.5) or 0.0, quantile(more, "lag", 0.99) or 0.0),
            tuple(self._platforms),
            dict(wrong),
            tuple(warnings),
            dict(last_refusals),
            tuple(self._models(now)),
            self._renewal.at,
            self._renewal.fault,
        )

    def _models(self, now: Mapping[str, float]) -> Iterator[ModelTold]:
        resting = self._renewal.resting()
        calls: dict[str, list[tuple[str, float]]] = {}
        for name, much in now.items():
            kind, *labels = name.split("|")
            if kind == "calls" and len(labels) == 3:
                calls.setdefault("|".join(labels[:2]), []).append((labels[2], much))
        for name, ended in calls.items():
            model = name.partition("|")[2]
            yield ModelTold(
                model,
                int(sum(much for _, much in ended)),
                int(sum(much for status, much in ended if status not in ("ok", "stopped"))),
                quantile(now, f"word|{name}", 0.5) or 0.0,
                resting.get(model, 0.0),
            )


def quantile(counted: Mapping[str, float], kind: str, part: float) -> float | None:
    """Below how many seconds *part* of what was counted as *kind* lies, by its buckets.

    Fields are `kind|…|bound`, each with all that lies below its bound. None: nothing was counted.
    """
    sums: dict[float, float] = {}
    for name, much in counted.items():
        if name.startswith(f"{kind}|"):
            bound = _number(name.rpartition("|")[2])
            sums[bound] = sums.get(bound, 0.0) + much
    total = sums.get(float("inf"), 0.0)
    if not total:
        return None
    below, before = 0.0, 0.0
    for bound in sorted(sums):
        if sums[bound] >= part * total:
            if bound == float("inf"):
                return below
            within = sums[bound] - before
            return below + (bound - below) * ((part * total - before) / within if within else 1.0)
        below, before = bound, sums[bound]
    return below


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("inf")
