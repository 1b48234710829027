"""Traces for OpenTelemetry: a span for each turn, and one for each model call within it.

Tracing is on if OTEL_EXPORTER_OTLP_ENDPOINT is set. It needs the extra `otel`. The names follow the
conventions for generative AI, and are written only here.

Source: OpenTelemetry semantic conventions for GenAI, v0.1.0 (status: Development).
"""

import hashlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

from core import __version__
from core.errors import ConfigError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SCHEMA = "https://opentelemetry.io/schemas/gen-ai/0.1.0"
QUEUE = 2_048
"""How many spans may wait for the exporter. More are dropped."""

Value = str | int | float | bool | Sequence[str]

PROVIDERS = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "api.anthropic.com": "anthropic",
    "api.deepseek.com": "deepseek",
    "api.mistral.ai": "mistral_ai",
    "api.groq.com": "groq",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
}


class Span(Protocol):
    """One piece of work that takes time."""

    def note(self, attributes: Mapping[str, Value]) -> None:
        """Add attributes."""
        ...

    def failed(self, error: BaseException) -> None:
        """Mark the span as failed. Only the class of *error* is kept."""
        ...


class Tracer(Protocol):
    """Makes spans. *content*: whether they may contain prompts and answers."""

    content: bool

    def span(self, name: str, attributes: Mapping[str, Value]) -> Any:
        """A context manager that gives a `Span`, a child of the span around it."""
        ...


class _NoSpan:
    def note(self, attributes: Mapping[str, Value]) -> None:
        return None

    def failed(self, error: BaseException) -> None:
        return None


class NoTracer:
    """A tracer that records nothing."""

    content = False

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value]) -> Iterator[Span]:
        yield _NoSpan()


class _OtelSpan:
    def __init__(self, span: Any) -> None:
        self._span = span

    def note(self, attributes: Mapping[str, Value]) -> None:
        self._span.set_attributes(attributes)

    def failed(self, error: BaseException) -> None:
        # Not the text: it may quote the question.
        self._span.set_attribute("error.type", type(error).__name__)
        self._span.set_status(_error_status())


class OtelTracer:
    """Makes spans with *provider*, an OpenTelemetry `TracerProvider`."""

    def __init__(self, provider: Any, *, content: bool) -> None:
        self._tracer = provider.get_tracer("palaver", __version__, schema_url=SCHEMA)
        self.content = content

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value]) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            yield _OtelSpan(span)


@asynccontextmanager
async def open_tracer(*, content: bool) -> AsyncIterator[Tracer]:
    """The tracer that the environment asks for. At the end, waiting spans are sent.

    Raises:
        ConfigError: the environment asks for one, but the extra is not installed.
    """
    if not os.environ.get(ENDPOINT):
        yield NoTracer()
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(ENDPOINT, "needs the extra: pip install -e '.[otel]'") from error
    resource = Resource.create({"service.name": "palaver", "service.version": __version__})
    provider = TracerProvider(resource=resource)
    # The processor sends from its own thread.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=QUEUE))
    try:
        yield OtelTracer(provider, content=content)
    finally:
        provider.shutdown()


def provider_of(host: str) -> str:
    """The conventions' name for the provider at *host*; the host itself if there is none."""
    return next((name for known, name in PROVIDERS.items() if host.endswith(known)), host)


def hidden(name: str) -> str:
    """A hash of *name* (a person, a conversation): the same each time, but not recognisable."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _error_status() -> Any:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - an extra

    return Status(StatusCode.ERROR)
