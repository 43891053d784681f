"""How each proxy is installed, started in front of the mock, and stopped; one worker each."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from load import KEY

LITELLM = "litellm[proxy]==1.106.2"
_START_SECONDS = 120.0
_STOP_SECONDS = 5.0
_SHOWN_CHARS = 2_000
_PROBE = json.dumps({"model": "mock", "messages": [{"role": "user", "content": "Hello there."}]}).encode()


@dataclass(slots=True)
class Proxy:
    """A proxy that listens on `port` when started.

    Attributes:
        folder: Working folder; holds its settings and its log.
        process: None for the mock itself, whose cost is not counted.
    """

    name: str
    port: int
    command: list[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    start_seconds: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"

    def start(self) -> None:
        """Start it and wait for its first good answer.

        Raises:
            SystemExit: If its port is taken, so that another program would be measured, or if it ends or does not
                answer in time; shows the end of its log.
        """
        if _is_taken(self.port):
            raise SystemExit(
                f"port {self.port}, meant for {self.name}, is in use; end what listens there and try again"
            )
        begun = time.perf_counter()
        with self._log.open("wb") as out:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, env={**os.environ, **self.environment}, stdout=out, stderr=out
            )
        while (why := _probe(self.url)) is not None:
            if self.process.poll() is not None or time.perf_counter() - begun > _START_SECONDS:
                self.stop()
                raise SystemExit(f"{self.name} does not answer ({why}); it said:\n{self.said()}")
            time.sleep(0.05)
        self.start_seconds = time.perf_counter() - begun

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def said(self) -> str:
        """The end of its log, and whether it is still there."""
        assert self.process is not None
        code = self.process.poll()
        end = "" if code is None else f"\n(ended with {code})"
        return self._log.read_text("utf-8", "replace")[-_SHOWN_CHARS:] + end

    def stop(self) -> None:
        """End it and whatever it started."""
        if self.process is None:
            return
        family = _family(self.process.pid)
        for each in family:
            _signal(each, signal.SIGTERM)
        _, alive = psutil.wait_procs(family, _STOP_SECONDS)
        for each in alive:
            _signal(each, signal.SIGKILL)
        self.process.wait()

    def cpu_seconds(self) -> float:
        """CPU time so far of the process and its descendants, to the nanosecond where Linux tells it."""
        assert self.process is not None
        return sum(_cpu_seconds(each) for each in _family(self.process.pid))

    def memory_mib(self) -> float:
        """Proportional set size of the process and its descendants."""
        assert self.process is not None
        return sum(each.memory_full_info().pss for each in _family(self.process.pid)) / 2**20


def leeward(name: str, command: str, port: int, upstream_port: int, folder: Path) -> Proxy:
    """Return Leeward, or anything else that `command` starts; `{port}` and `{upstream}` in it are filled in."""
    upstream = f"http://127.0.0.1:{upstream_port}/v1"
    return Proxy(name, port, shlex.split(command.format(port=port, upstream=upstream)), _own(folder, name))


def nginx(port: int, upstream_port: int, folder: Path) -> Proxy:
    """Return nginx as a plain reverse proxy: keep-alive both ways, nothing buffered, nothing logged."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        raise SystemExit(
            "nginx is not installed. Install it (Debian: apt-get install nginx), or leave it out: --without nginx"
        )
    folder = _own(folder, "nginx")
    settings = folder / "nginx.conf"
    settings.write_text(_NGINX.format(port=port, upstream_port=upstream_port))
    return Proxy("nginx", port, [program, "-p", str(folder), "-c", str(settings)], folder)


def litellm(port: int, upstream_port: int, folder: Path, cache: Path) -> Proxy:
    """Return the LiteLLM proxy without database or guardrail, installed into a virtual environment in `cache`."""
    home = cache / "litellm"
    program = home / "bin" / "litellm"
    if not program.exists():
        print(f"installing {LITELLM} into {home} (700 MB, once)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(home / "bin" / "pip"), "install", "--quiet", LITELLM], check=True)
    folder = _own(folder, "litellm")
    settings = folder / "litellm.yaml"
    settings.write_text(_LITELLM.format(upstream_port=upstream_port, key=KEY))
    command = [
        str(program),
        "--config",
        str(settings),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--num_workers",
        "1",
    ]
    return Proxy("litellm", port, command, folder, _LITELLM_ENVIRONMENT)


def mock(port: int, delay_ms: float, folder: Path) -> Proxy:
    """Return the model server that all of them stand in front of."""
    program = Path(__file__).with_name("model_server.py")
    return Proxy(
        "direct", port, [sys.executable, str(program), "--port", str(port), "--delay-ms", str(delay_ms)], folder
    )


def _own(folder: Path, name: str) -> Path:
    own = folder / name
    own.mkdir()
    return own


def _is_taken(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def _probe(url: str) -> str | None:
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, _PROBE, headers), timeout=10) as reply:
            return None if b"choices" in reply.read() else "the answer holds no choices"
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read()[:200]!r}"
    except OSError as error:
        return str(error)


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
        nanoseconds = [int(task.read_text().split()[0]) for task in tasks]
    except OSError:
        nanoseconds = []
    if nanoseconds:
        return sum(nanoseconds) / 1e9
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


_NGINX = """
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  client_body_buffer_size 64k;
  keepalive_requests 1000000;
  upstream model_server {{ server 127.0.0.1:{upstream_port}; keepalive 256; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://model_server;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""
_LITELLM = """
model_list:
  - model_name: mock
    litellm_params: {{model: openai/mock, api_base: "http://127.0.0.1:{upstream_port}/v1", api_key: sk-bench}}
litellm_settings: {{telemetry: false, drop_params: true, request_timeout: 60}}
general_settings: {{master_key: {key}}}
"""
_LITELLM_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # without it, a price list is fetched at start
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
}
