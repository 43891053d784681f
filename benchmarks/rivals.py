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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from load import KEY

LITELLM = "litellm[proxy]==1.106.2"
NEMO = "nemoguardrails[server]==0.24.1"
LEEWARD = f"{Path(sys.executable).with_name('leeward')} serve --host 127.0.0.1 --port {{port}} --upstream {{upstream}}"
# Leeward then enforces nothing and says so: what is left is the gateway itself.
NO_RULES = {"LEEWARD_RULES__USE": "unsafe-allow-all"}
MOCK = "direct"
_CACHE = Path(__file__).resolve().parent.parent / ".cache" / "bench"
_START_SECONDS = 120.0
_STOP_SECONDS = 5.0
_SHOWN_CHARS = 2_000
_PROBE = json.dumps({"model": "mock", "messages": [{"role": "user", "content": "Hello there."}]}).encode()


class NotThere(Exception):
    """A rival cannot be measured on this machine."""


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
            time.sleep(0.02)
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
        """Resident set size of the process and its descendants."""
        assert self.process is not None
        return sum(each.memory_info().rss for each in _family(self.process.pid)) / 2**20


@contextmanager
def running(proxies: Sequence[Proxy]) -> Iterator[None]:
    """Start them in order, and stop all of them whatever happens, also when told to end."""
    signal.signal(signal.SIGTERM, _end)
    try:
        for each in proxies:
            each.start()
        yield
    finally:
        for each in reversed(proxies):
            each.stop()


def _end(number: int, _: object) -> None:
    raise SystemExit(f"ended by signal {number}")


def those_there(makers: Mapping[str, Callable[[], Proxy]], without: Sequence[str]) -> list[Proxy]:
    """Return the rivals that can be had on this machine; say of each other one why it is left out."""
    found = []
    for name, make in makers.items():
        if name in without:
            continue
        try:
            found.append(make())
        except NotThere as error:
            print(f"skipping {name}: {error}", file=sys.stderr)
    return found


def leeward(
    name: str,
    command: str,
    port: int,
    upstream_port: int,
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> Proxy:
    """Return Leeward, or anything else that `command` starts; `{port}` and `{upstream}` in it are filled in."""
    upstream = f"http://127.0.0.1:{upstream_port}/v1"
    filled = shlex.split(command.format(port=port, upstream=upstream))
    return Proxy(name, port, filled, _own(folder, name), environment or {})


def nginx(port: int, upstream_port: int, folder: Path) -> Proxy:
    """Return nginx as a plain reverse proxy: keep-alive both ways, nothing buffered, nothing logged."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        raise NotThere("nginx is not installed; on Debian: apt-get install nginx")
    folder = _own(folder, "nginx")
    settings = folder / "nginx.conf"
    settings.write_text(_NGINX.format(port=port, upstream_port=upstream_port))
    return Proxy("nginx", port, [program, "-p", str(folder), "-c", str(settings)], folder)


def litellm(port: int, upstream_port: int, folder: Path) -> Proxy:
    """Return the LiteLLM proxy without database or guardrail."""
    return _litellm("litellm", _LITELLM, port, upstream_port, folder)


def litellm_filter(port: int, upstream_port: int, folder: Path) -> Proxy:
    """Return the LiteLLM proxy with its built-in filter: three patterns and one word, on request and reply."""
    return _litellm("litellm-content-filter", _LITELLM_FILTER + _LITELLM, port, upstream_port, folder)


def _litellm(name: str, settings: str, port: int, upstream_port: int, folder: Path) -> Proxy:
    program = installed(LITELLM, "litellm", "700 MB") / "litellm"
    folder = _own(folder, name)
    file = folder / "litellm.yaml"
    file.write_text(settings.format(upstream_port=upstream_port, key=KEY))
    command = [str(program), "--config", str(file), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    return Proxy(name, port, command, folder, _LITELLM_ENVIRONMENT)


def nemo_regex(port: int, upstream_port: int, folder: Path) -> Proxy:
    """Return the NeMo Guardrails server with nothing but two regular expressions, on request and reply."""
    program = installed(NEMO, "nemo", "320 MB") / "nemoguardrails"
    folder = _own(folder, "nemo-regex")
    (folder / "mock").mkdir()
    (folder / "mock" / "config.yml").write_text(_NEMO.format(upstream_port=upstream_port))
    command = [str(program), "server", "--config", str(folder), "--default-config-id", "mock"]
    command += ["--port", str(port), "--disable-chat-ui"]
    return Proxy("nemo-regex", port, command, folder, {"OPENAI_API_KEY": "sk-bench"})


def installed(what: str, name: str, size: str) -> Path:
    """Return the programs of a rival in a virtual environment of its own, installed on first use.

    Raises:
        NotThere: If it cannot be installed.
    """
    home = _CACHE / name
    done = home / ".installed"
    if not done.exists() or done.read_text() != what:
        print(f"installing {what} into {home} ({size}, once)", file=sys.stderr)
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True, stdout=subprocess.DEVNULL)
            subprocess.run([str(home / "bin" / "pip"), "install", "--quiet", what], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise NotThere(f"{what} cannot be installed: {error}") from error
        done.write_text(what)
    return home / "bin"


def mock(port: int, delay_ms: float, folder: Path) -> Proxy:
    """Return the model server that all of them stand in front of; it notes when it sent what, in `journal(folder)`."""
    program = Path(__file__).with_name("model_server.py")
    command = [sys.executable, str(program), "--port", str(port), "--delay-ms", str(delay_ms)]
    return Proxy(MOCK, port, [*command, "--journal", str(journal(folder))], folder)


def journal(folder: Path) -> Path:
    return folder / "journal.jsonl"


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
_LITELLM_FILTER = """
guardrails:
  - guardrail_name: filter
    litellm_params:
      guardrail: litellm_content_filter
      mode: [pre_call, post_call]
      default_on: true
      patterns:
        - {{pattern_type: prebuilt, pattern_name: us_ssn, action: BLOCK}}
        - {{pattern_type: prebuilt, pattern_name: email, action: MASK}}
        - {{pattern_type: prebuilt, pattern_name: aws_access_key, action: BLOCK}}
      blocked_words:
        - {{keyword: "confidential-project", action: BLOCK}}
"""
_NEMO = """
models:
  - type: main
    engine: openai
    model: mock
    parameters: {{base_url: "http://127.0.0.1:{upstream_port}/v1", api_key: sk-bench}}
rails:
  config:
    regex_detection:
      input: {{patterns: ["\\\\b\\\\d{{3}}-\\\\d{{2}}-\\\\d{{4}}\\\\b", "AKIA[0-9A-Z]{{16}}"]}}
      output: {{patterns: ["\\\\b\\\\d{{3}}-\\\\d{{2}}-\\\\d{{4}}\\\\b", "AKIA[0-9A-Z]{{16}}"]}}
  input: {{flows: [regex check input]}}
  output:
    flows: [regex check output]
    streaming: {{enabled: true, chunk_size: 50, context_size: 10, stream_first: false}}
streaming: true
"""
_LITELLM_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # without it, a price list is fetched at start
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
}
