"""`leeward serve` in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from patience import PATIENCE_SECONDS

COMMAND = str(Path(sys.executable).with_name("leeward"))
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("LEEWARD_")}
SILENT = "gpt-silent"  # the model of whose answer the gateways soon despair
HOUSE_RULES = """
name = "house"
version = "1.0.0"
extends = "mistral-v1"

[relax.RULE-MIST-010]
reason = "The tests of one run look like one busy caller."
dry_run = true

[relax.RULE-MIST-003]
reason = "Tests name their models as they like."
dry_run = true
hazards = ["licence.unknown"]

[[rule]]
id = "HOUSE-001"
name = "Code names"
trigger = "A code name is spoken."
stages = ["prompt", "reply"]
disposition = "block"
duties = ["log"]
on_failure = "block"

[rule.patterns]
literals = ["zzquaffle"]
"""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running `leeward serve`."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def logs(self) -> str:
        return (self.folder / "log").read_text()

    def leeward(self, *arguments: str) -> str:
        """Run another command of Leeward with the same settings."""
        return run(*arguments, "--config", str(self.folder / "leeward.toml"), folder=self.folder)


def run(*arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [COMMAND, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    return done.stdout


def start(folder: Path, *arguments: str) -> Gateway:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", str(port), *arguments], cwd=folder, env=ENVIRONMENT, stderr=log, stdout=log
        )
    gateway = Gateway(folder, port, process)
    _wait_for(gateway)
    return gateway


def _wait_for(gateway: Gateway) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        assert gateway.process.poll() is None, gateway.logs()
        try:
            with urllib.request.urlopen(f"{gateway.url}/healthz", timeout=PATIENCE_SECONDS):
                return
        except OSError:
            time.sleep(0.05)  # a process that starts has no other way to say that it is there
    raise AssertionError(f"the gateway did not come up: {gateway.logs()}")


def stop(gateway: Gateway) -> None:
    gateway.process.terminate()
    try:
        gateway.process.wait(PATIENCE_SECONDS)
    finally:
        gateway.process.kill()


def start_with(folder: Path, url: str, settings: str = "", house: str = HOUSE_RULES) -> Gateway:
    """Start a gateway in front of the scripted server, which stands for three kinds of server and for an idle one."""
    (folder / "house.toml").write_text(house)
    kinds = [("hosted", "mistral", '["mistral-*", "codestral-*", "ag_*"]'), ("local", "vllm", '["vllm-*"]')]
    kinds.append(("open", "openai", '["*"]'))
    # One server alone is given up on soon: how long the others may take is up to the machine.
    tables = f'[[upstream]]\nname = "idle"\nurl = "{url}"\nmodels = ["{SILENT}*"]\nfirst_byte_seconds = 0.3\n'
    tables += "".join(
        f'[[upstream]]\nname = "{name}"\nurl = "{url}"\ndialect = "{dialect}"\nmodels = {models}\n'
        for name, dialect, models in kinds
    )
    (folder / "leeward.toml").write_text(f'{settings}\n[rules]\nuse = "house.toml"\n{tables}')
    return start(folder, "--config", "leeward.toml")
