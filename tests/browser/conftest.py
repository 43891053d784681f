"""The real gateway in demo mode, and a real browser in front of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from patience import PATIENCE_SECONDS

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_PATIENCE = 1000 * PATIENCE_SECONDS  # in Playwright's milliseconds
expect.set_options(timeout=_PATIENCE)


@dataclass(frozen=True)
class Demo:
    """A gateway that runs."""

    url: str
    log: Path


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run `leeward serve --demo` in a folder of its own."""
    folder = tmp_path_factory.mktemp("demo")
    port = _free_port()
    told = Demo(f"http://127.0.0.1:{port}", folder / "log")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEEWARD_")}
    command = [Path(sys.executable).with_name("leeward"), "serve", "--demo", "--port", str(port)]
    with told.log.open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(told, process)
        yield told
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium without a window.

    Not for the whole session: Playwright keeps an event loop running in this thread, which no asynchronous test of
    another module could bear.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("The browser tests need Chromium. Type: apt-get install --yes --no-install-recommends chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS, timeout=_PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, demo: Demo) -> Iterator[Page]:
    """Open a tab that fails the test when a script of ours does."""
    context = browser.new_context(base_url=demo.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda m: broken.append(m.text) if "Content Security Policy" in m.text else None)
    yield page
    context.close()
    assert broken == []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(demo: Demo, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends and process.returncode is None:
        try:
            with urllib.request.urlopen(f"{demo.url}/readyz", timeout=PATIENCE_SECONDS):
                return
        except (urllib.error.URLError, ConnectionError):
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
    pytest.fail(f"the demo did not start:\n{demo.log.read_text()[-4_000:]}")
