"""Reads the data folder once into `rows.pkl`, from which the later steps take their texts."""

from __future__ import annotations

import argparse
import pickle
import sys
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from data import read_rows  # noqa: E402
from seeds import seed_rows  # noqa: E402

LONGEST = 2000  # characters of a row; each step cuts further


def main() -> None:
    """Write `rows.pkl` into the work folder, whole or not at all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    rows = [*read_rows(arguments.data, LONGEST), *seed_rows()]
    half = arguments.work / "rows.pkl.part"
    half.write_bytes(pickle.dumps(rows))
    half.replace(arguments.work / "rows.pkl")
    print(f"{len(rows)} rows: {dict(Counter(row.fold for row in rows))}")


if __name__ == "__main__":
    main()
