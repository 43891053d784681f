"""Runs every benchmark shortly, about five minutes in all: `make bench`, or `python all.py --without RIVAL`."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

_SHORT = (
    "proxy_cost.py --detectors off --rounds 3 --seconds 2",
    "inspection_cost.py --rounds 3",
    "cascade.py --rounds 3 --messages 400",
    "startup.py --runs 3 --seconds 1",
    "store_rate.py --seconds 1",
)
_RIVALS = {
    "proxy_cost.py": ("litellm", "nginx"),
    "inspection_cost.py": ("litellm-content-filter", "nemo-regex"),
    "startup.py": ("litellm",),
}


def main(arguments: argparse.Namespace) -> int:
    """Run all of them, one after the other, and return how many failed."""
    failed = 0
    for line in _SHORT:
        program, *options = shlex.split(line)
        for rival in _RIVALS.get(program, ()):
            options += ["--without", rival] if rival in arguments.without else []
        print(f"\n$ python benchmarks/{shlex.join([program, *options])}", flush=True)
        failed += subprocess.run([sys.executable, str(Path(__file__).with_name(program)), *options]).returncode != 0
    return failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--without", action="append", default=[], choices=sorted({name for each in _RIVALS.values() for name in each})
    )
    sys.exit(1 if main(parser.parse_args()) else 0)
