"""Spans for who watches with OpenTelemetry: a turn, and each call of a model within it.

Off unless OTEL_EXPORTER_OTLP_ENDPOINT is set, and then the extra `otel` is needed. The names are
those of the conventions for generative AI, written out here and nowhere else.

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
"""So many spans wait for the exporter; more are dropped, for nobody waits for them."""

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
    """One thing that takes time."""

    def note(self, attributes: Mapping[str, Value]) -> None:
        """Say more of it."""
        ...

    def failed(self, error: BaseException) -> None:
        """It did not do what it was for; only the kind of *error* is told."""
        ...


class Tracer(Protocol):
    """Makes spans. *content*: whether prompts and answers may be in them."""

    content: bool

    def span(self, name: str, attributes: Mapping[str, Value]) -> Any:
        """A context manager that gives a `Span`, a child of the one it stands in."""
        ...


class _NoSpan:
    def note(self, attributes: Mapping[str, Value]) -> None:
        return None

    def failed(self, error: BaseException) -> None:
        return None


class NoTracer:
    """Nobody watches."""

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
        # Not the text: it may quote what was asked.
        self._span.set_attribute("error.type", type(error).__name__)
        self._span.set_status(_error_status())


class OtelTracer:
    """Spans of *provider*, an OpenTelemetry `TracerProvider`."""

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
    """The tracer that the environment asks for; what waits is sent before the end.

    Raises:
        ConfigError: it asks for one, and the extra is not installed.
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
    # It sends from a thread of its own.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=QUEUE))
    try:
        yield OtelTracer(provider, content=content)
    finally:
        provider.shutdown()


def provider_of(host: str) -> str:
    """What the conventions call the provider at *host*; the host itself where they name none."""
    return next((name for known, name in PROVIDERS.items() if host.endswith(known)), host)


def hidden(name: str) -> str:
    """A person or a conversation, so that it can be told from others and not recognised."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _error_status() -> Any:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - an extra

    return Status(StatusCode.ERROR)
