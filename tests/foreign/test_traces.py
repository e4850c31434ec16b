"""OpenTelemetry's instrumentation of HTTP libraries records no monitor URLs."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import pytest

from airflow_provider_drive.emulator import CopyBehaviour

pytest.importorskip("opentelemetry.instrumentation.requests", reason="not there with Airflow 2")
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@pytest.fixture
def spans():
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    libraries = [RequestsInstrumentor(), URLLib3Instrumentor(), AioHttpClientInstrumentor()]
    for library in libraries:
        library.instrument(tracer_provider=provider)
    yield exporter
    for library in libraries:
        library.uninstrument()


def test_opentelemetry_spans_contain_no_secrets(spans, copy, waiting, tenant, plan, vault, secret_parts):
    tenant.copies = CopyBehaviour(looks=4)

    copy(plan, vault, **waiting)

    recorded = [span.to_json() for span in spans.get_finished_spans()]
    assert any("/oauth2/v2.0/token" in span for span in recorded)
    assert any("/copy?" in span for span in recorded)
    assert not any("/operations/" in span for span in recorded)
    assert [secret for secret in secret_parts() for span in recorded if secret in span] == []
