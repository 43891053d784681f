"""Sends OpenTelemetry spans, when the operator wants them."""

from __future__ import annotations

from importlib.metadata import version

from leeward.errors import SettingsError


def configure_traces() -> None:
    """Send spans over OTLP; where to is said by the `OTEL_EXPORTER_OTLP_*` variables.

    Raises:
        SettingsError: If the extra `otel` is not installed.

    Source:
        OpenTelemetry specification, OTLP exporter configuration.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(
            "[telemetry] traces = true needs the OpenTelemetry SDK", remedy="pip install 'leeward[otel]'"
        ) from error
    from opentelemetry import trace

    resource = Resource.create({"service.name": "leeward", "service.version": version("leeward")})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
