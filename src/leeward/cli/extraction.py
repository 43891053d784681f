"""`leeward extraction replay|suspects|steps|lift`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import cyclopts
import msgspec
from rich.console import Console

from leeward.cli.suspicions import lift, list_steps, list_suspects
from leeward.domain.view import Fact
from leeward.errors import LeewardError, WireError
from leeward.extraction_watch.exchange import bias_of
from leeward.extraction_watch.replay import Alert, replay

OK, PROBLEMS, USAGE = 0, 1, 2

app = cyclopts.App(name="extraction", help="Look for model extraction, in recorded traffic or at the running gateway.")
app.command(name="suspects")(list_suspects)
app.command(name="steps")(list_steps)
app.command(name="lift")(lift)


class _Params(msgspec.Struct):
    """Sampling of an event, as OpenAI names it; what else an event holds is not asked for."""

    temperature: float | None = None
    top_p: float | None = None
    logprobs: bool | int | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | bool | None = None
    n: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    model: str = ""


class _Event(msgspec.Struct):
    t: float
    text: str = ""
    tenant: str = "default"
    key: str = ""
    params: _Params = msgspec.field(default_factory=_Params)


@app.command(name="replay")
def replay_events(events: Path, *, output: Annotated[Path, cyclopts.Parameter(name=["--output", "-o"])]) -> int:
    """Replay recorded exchanges in time order and write an alert for each step that a caller reaches.

    Args:
        events: JSON lines `{"t": seconds, "tenant", "key", "text", "params"}` in time order.
        output: JSON lines `{"t", "tenant", "keys", "step", "evidence"}`; replaced when it exists.
    """
    try:
        seen, alerts = run_replay(events, output)
    except LeewardError as error:
        Console(stderr=True).print(error.diagnostics(), style="red", markup=False)
        return PROBLEMS
    except OSError as error:
        Console(stderr=True).print(f"{error.filename}: {error.strerror}", style="red", markup=False)
        return USAGE
    Console(stderr=True).print(f"{seen} events, {alerts} alerts", markup=False, highlight=False)
    return OK


def run_replay(events: Path, output: Path) -> tuple[int, int]:
    """Write the alerts of `events` to `output`; return the numbers of events and alerts.

    Raises:
        WireError: If a line is no event or lies before the line above it. The output is then left as it was.
        OSError: If a file cannot be read or written.
    """
    counts = [0, 0]
    draft = output.with_name(output.name + ".part")
    try:
        with events.open("rb") as lines, draft.open("wb") as out:
            for alert in replay(_facts(lines, events, counts)):
                _write(out, alert)
                counts[1] += 1
        os.replace(draft, output)
    finally:
        draft.unlink(missing_ok=True)
    return counts[0], counts[1]


def _facts(lines: BinaryIO, source: Path, counts: list[int]) -> Iterator[dict[str, Fact]]:
    decoder = msgspec.json.Decoder(_Event)
    latest = float("-inf")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise WireError(f"{source}, line {number}: not an event: {error}") from error
        if event.t < latest:
            raise WireError(f"{source}, line {number}: lies before the event above it; sort the events by `t`")
        latest = event.t
        counts[0] += 1
        yield _facts_of(event)


def _facts_of(event: _Event) -> dict[str, Fact]:
    params = event.params
    return {
        "t": event.t,
        "tenant": event.tenant,
        "key": event.key,
        "model": params.model,
        "texts": [event.text],
        "temperature": params.temperature,
        "top_p": params.top_p,
        # Completions ask for a number of log-probabilities, chats for yes or no.
        "logprobs": params.logprobs is not None and params.logprobs is not False,
        "top_logprobs": params.top_logprobs or 0,
        "logit_bias": bias_of(params.logit_bias),
        "n": params.n or 1,
        "max_tokens": params.max_tokens or params.max_completion_tokens,
        "prompt_empty": not event.text.strip(),
    }


def _write(out: BinaryIO, alert: Alert) -> None:
    out.write(msgspec.json.encode(alert) + b"\n")
