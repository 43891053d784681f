"""Spans are sent when they are wanted, and carry no text."""

from __future__ import annotations

import subprocess
import sys

from patience import PATIENCE_SECONDS

# In a process of its own: a tracer provider can be set once only.
PROGRAM = """
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
import os

got = []

class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        got.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"

from leeward.gateway.telemetry import tracer
from leeward.wiring.traces import configure_traces
from opentelemetry import trace

configure_traces()
with tracer.start_as_current_span("leeward.exchange") as span:
    span.set_attribute("leeward.outcome", "answered")
trace.get_tracer_provider().force_flush()
print(any(b"leeward.exchange" in body and b"answered" in body for body in got))
"""


def test_spans_reach_the_collector_that_the_environment_names() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )

    assert done.stdout.strip() == "True"
