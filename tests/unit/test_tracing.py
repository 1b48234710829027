"""What who watches is told: spans and metrics of calls, and nobody's words."""

import aiohttp
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from core.errors import ConfigError, ModelError
from core.models.client import ChatClient
from core.models.learned import Lessons
from core.models.measured import MeasuredModel
from core.models.providers import Endpoint
from core.models.request import ChatMessage, ChatRequest
from core.models.ways import Ways
from core.telemetry import Metrics
from core.tracing import NoTracer, OtelTracer, open_tracer
from tests.servers.model import status

ASKED = ChatRequest((ChatMessage("user", "a secret question"),))


@pytest.fixture
def exported():
    return InMemorySpanExporter()


@pytest.fixture
async def measured(model, exported):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    metrics = Metrics()

    def make(*, content=False):
        endpoint = Endpoint(model.url, "", "scripted")
        client = ChatClient(session, endpoint, tries=1)
        made = MeasuredModel(client, endpoint, metrics, OtelTracer(provider, content=content))
        return made, metrics

    async with aiohttp.ClientSession() as session:
        yield make


async def ask(model, request=ASKED):
    async with model.stream(request) as deltas:
        return [delta async for delta in deltas]


async def test_a_call_is_counted_and_told_without_a_word_of_it(measured, exported):
    model, metrics = measured()
    await ask(model)
    (span,) = exported.get_finished_spans()
    told = span.to_json()
    assert span.name == "chat scripted"
    assert span.attributes["gen_ai.usage.input_tokens"] == 11
    assert span.attributes["gen_ai.usage.output_tokens"] == 7
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert "secret" not in told
    assert "Echo" not in told
    where = {"endpoint": "127.0.0.1", "model": "scripted"}
    value = metrics.registry.get_sample_value
    assert value("palaver_model_calls_total", {**where, "status": "ok"}) == 1
    assert value("palaver_model_first_word_seconds_count", where) == 1
    assert value("palaver_model_tokens_total", {**where, "direction": "completion"}) == 7


async def test_words_are_told_where_the_operator_asked_for_them(measured, exported):
    model, _ = measured(content=True)
    await ask(model)
    (span,) = exported.get_finished_spans()
    assert "a secret question" in span.attributes["gen_ai.input.messages"]
    assert "Echo" in span.attributes["gen_ai.output.messages"]


async def test_a_failed_call_says_its_kind_alone(measured, exported, model):
    model.faults += [status(401)]
    asked, metrics = measured()
    with pytest.raises(ModelError):
        await ask(asked)
    (span,) = exported.get_finished_spans()
    assert span.attributes["error.type"] == "Refused"
    assert not span.events
    labels = {"endpoint": "127.0.0.1", "model": "scripted", "status": "refused: key"}
    assert metrics.registry.get_sample_value("palaver_model_calls_total", labels) == 1


async def test_a_name_that_somebody_made_up_is_no_series(measured):
    model, metrics = measured()
    for number in range(5):
        await ask(model, ChatRequest(ASKED.messages, model=f"invented-{number}"))
    labels = {"endpoint": "127.0.0.1", "model": "other", "status": "ok"}
    assert metrics.registry.get_sample_value("palaver_model_calls_total", labels) == 5


async def test_nobody_watches_unless_the_environment_says_so(monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    async with open_tracer(content=True) as tracer:
        assert not tracer.content
        with tracer.span("x", {}) as span:
            span.note({"a": 1})
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigError, match="otel"):
        async with open_tracer(content=False):
            pass


async def test_how_fast_a_model_is_is_learned_and_told(model, monkeypatch):
    monkeypatch.setattr("core.models.measured.ENOUGH_TOKENS", 5)
    model.piece_s = 0.01
    lessons, endpoint = Lessons(), Endpoint(model.url, "", "scripted")
    async with aiohttp.ClientSession() as session:
        client = ChatClient(session, endpoint, lessons, tries=1)
        asked = MeasuredModel(client, endpoint, Metrics(), NoTracer(), (), lessons)
        await ask(asked)
        assert "tokens/s, the first after" in asked.ways("scripted")
        assert asked.ways("another") == ""


def test_what_is_typical_follows_the_newest_slowly():
    ways = Ways().paced(1.0, 100.0)
    assert (ways.first_s, ways.speed) == (1.0, 100.0)
    assert ways.paced(2.0, 50.0).speed == pytest.approx(90.0)
