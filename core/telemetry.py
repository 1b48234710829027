"""Logs and metrics. The log has one structured line for each event, and never a secret."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from core.border import SET_ASIDE, clean, printable
from core.secret import redact
from core.traces import structure

Log = structlog.stdlib.BoundLogger
Counted = Counter


def set_up_logs(level: str, as_json: bool) -> None:
    """Send all logs to stderr, as JSON lines or as readable ones."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _structure_errors,
        _hide_secrets,
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Formatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([] if as_json else [_one_line]),
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    # These libraries log the full URL of each call, and Telegram's URLs contain the token.
    for noisy in ("httpx", "httpcore", "telegram", "slack_bolt", "slack_sdk", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def _one_line(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Make the event safe: no control characters, and no line ends. (Values are quoted.)"""
    event["event"] = printable(str(event["event"])).replace("\n", "\\n")
    return event


OURS = ("core", "bots", "__main__")
"""What the names of our own loggers begin with."""


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Of a library's log record, it keeps only the logger, the place, and the error's class.

    Libraries quote what they cannot read: people's messages, and URLs with tokens. At the level
    DEBUG their text is logged too, without the secrets that we know.
    """

    def format(self, record: logging.LogRecord) -> str:
        foreign = record.name.partition(".")[0] not in OURS
        if foreign and not logging.getLogger().isEnabledFor(logging.DEBUG):
            error = record.exc_info[0] if record.exc_info else None
            named = f" {error.__name__}" if error is not None else ""
            record = logging.LogRecord(
                record.name,
                record.levelno,
                record.pathname,
                record.lineno,
                f"{record.name} ({record.module}:{record.lineno}){named}",
                None,
                record.exc_info,
            )
        return super().format(record)


def _structure_errors(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace an error by its classes and places. Its text may quote a person's message."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = structure(error)
    event.pop("stack_info", None)
    return event


def _hide_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if not key.startswith("_") and not isinstance(value, int | float | None):
            event[key] = redact(clean(str(value)))
    return event


def logger(name: str) -> Log:
    """The logger of one module."""
    bound: Log = structlog.stdlib.get_logger(name)
    return bound


SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 180, 600)
"""Histogram buckets for the time that models take: from a short sentence to deep research."""


MOST_NAMES = 100
_names: set[str] = set()


def label(name: str) -> str:
    """*name* as a metric's label: the first `MOST_NAMES` of them, and "other" for the rest.

    People may invent names, for example of models. Each would be a series for ever.
    """
    name = clean(name)[:80]
    if name not in _names:
        if len(_names) >= MOST_NAMES:
            return "other"
        _names.add(name)
    return name


class Metrics:
    """All that `/metrics` shows. The registry is an object, so that tests do not share one."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(SET_ASIDE)
        self._measure_load()
        self._count_turns()
        self._count_models()

    def _measure_load(self) -> None:
        self.loop_lag = Histogram(
            "palaver_loop_lag_seconds",
            "How late the event loop is, looked at ten times a second.",
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
            registry=self.registry,
        )
        self.running = Gauge(
            "palaver_turns_running", "Turns running in this process.", registry=self.registry
        )
        self.waiting = Gauge(
            "palaver_waiting",
            "Questions that wait for a free worker of any process, every ten seconds.",
            ["platform"],
            registry=self.registry,
        )

    def _count_turns(self) -> None:
        self.accepted = Counter(
            "palaver_incomings_total",
            "Incomings by what the inbox said.",
            ["platform", "verdict"],
            registry=self.registry,
        )
        self.turns = Counter(
            "palaver_turns_total",
            "Turns by how they ended.",
            ["platform", "outcome"],
            registry=self.registry,
        )
        self.ratings = Counter(
            "palaver_ratings_total",
            "What people thought of answers: up or down.",
            ["platform", "verdict"],
            registry=self.registry,
        )
        self.reminders = Counter(
            "palaver_reminders_total",
            "Reminders that were due, by what became of them: told, full (tried again later), "
            "lost (with their chat), refused (their person may not ask any more).",
            ["verdict"],
            registry=self.registry,
        )
        self.first_text = Histogram(
            "palaver_first_text_seconds",
            "From claiming a question to its first text on screen.",
            ["platform"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
            registry=self.registry,
        )
        self.whole_text = Histogram(
            "palaver_whole_text_seconds",
            "From the last word of the model to the whole answer on screen.",
            ["platform"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
            registry=self.registry,
        )
        self.edits = Counter(
            "palaver_updates_total",
            "Updates of surfaces by outcome.",
            ["platform", "outcome"],
            registry=self.registry,
        )
        self.steps = Counter(
            "palaver_steps_total",
            "Tool calls by how they ended.",
            ["tool", "outcome"],
            registry=self.registry,
        )
        self.tokens = Counter(
            "palaver_tokens_total",
            "Tokens by model and direction.",
            ["model", "direction"],
            registry=self.registry,
        )

    def _count_models(self) -> None:
        where = ["endpoint", "model"]
        self.model_calls = Counter(
            "palaver_model_calls_total",
            "Calls of models by how they ended.",
            [*where, "status"],
            registry=self.registry,
        )
        self.model_first_word = Histogram(
            "palaver_model_first_word_seconds",
            "From asking a model to its first word, of its thinking too.",
            where,
            buckets=SECONDS,
            registry=self.registry,
        )
        self.model_seconds = Histogram(
            "palaver_model_call_seconds",
            "From asking a model to the end of its answer.",
            where,
            buckets=SECONDS,
            registry=self.registry,
        )
        self.model_tokens = Counter(
            "palaver_model_tokens_total",
            "Tokens as the providers count them.",
            [*where, "direction"],
            registry=self.registry,
        )
        self.failovers = Counter(
            "palaver_model_failovers_total",
            "Questions that another model was asked instead, by the one that failed.",
            ["model"],
            registry=self.registry,
        )
        self.memory = Counter(
            "palaver_memory_total",
            "Questions that might be answered from memory: hit, joined, miss.",
            ["result"],
            registry=self.registry,
        )
        self.cost = Counter(
            "palaver_cost_usd_total",
            "What the answers cost, by LLM_PRICE.",
            ["model"],
            registry=self.registry,
        )
        self.over_budget = Counter(
            "palaver_over_budget_total",
            "Turns that a budget refused, by whose it was.",
            ["platform", "of"],
            registry=self.registry,
        )
        self.pictures = Counter(
            "palaver_pictures_total", "Pictures painted.", ["model"], registry=self.registry
        )
