"""Calibrates a checkpoint on the calibration fold and writes the weights that the package ships."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from data import LANGUAGES, Row, read_rows
from labels import HAZARDS
from network import Network
from platt import at_share, platt, share_of
from seeds import seed_rows

from leeward.models.front import Calibration, Front
from leeward.models.front_features import character_classes

F64 = npt.NDArray[np.float64]
# Hazards known from our own short texts alone: how frequent they are in the data says nothing, so this is assumed.
ASSUMED_SHARE = {"sexual": 0.05, "health": 0.05, "financial": 0.05, "law": 0.05}
CAL_CHARS = 2000


def main() -> None:
    """Write `front_table.npy` and `front_head.npz`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    arguments = parser.parse_args()
    network = Network(len(HAZARDS))
    network.load_state_dict(torch.load(arguments.checkpoint))
    front = quantised(network)
    rows = [r for r in (*read_rows(arguments.data, CAL_CHARS), *seed_rows()) if r.fold == "cal"]
    calibrations = calibrate(rows, logits_of(front, rows))
    write(front, calibrations, arguments.out)


def quantised(network: Network) -> Front:
    """Return the network with an int8 table, whose scale has moved into the layer above."""
    table = network.table.detach().numpy()
    used = table[np.abs(table).sum(1) > 0]
    scale = np.quantile(np.abs(used), 0.9995, axis=0) / 127.0
    small = np.clip(np.rint(table / scale), -127, 127).astype(np.int8)
    first, bias, out = (part.numpy().astype(np.float32) for part in network.folded())
    first = np.ascontiguousarray((first * np.tile(scale, 2)).T, np.float32)
    return Front(HAZARDS, character_classes(), small, first, bias, out, {})


def logits_of(front: Front, rows: Sequence[Row]) -> F64:
    """Return the shipped code's raw scores [rows, hazards]; NaN for texts without a letter."""
    out = np.full((len(rows), len(HAZARDS)), np.nan)
    for at, row in enumerate(rows):
        logits = front.logits(row.text)
        if logits is not None:
            out[at] = logits
    return out


def truth_of(rows: Sequence[Row]) -> F64:
    """Return labels [rows, hazards]; NaN where a row says nothing."""
    truth = np.full((len(rows), len(HAZARDS)), np.nan)
    for at, row in enumerate(rows):
        for hazard, value in row.hazards.items():
            truth[at, HAZARDS.index(hazard)] = value
    return truth


def calibrate(rows: Sequence[Row], logits: F64) -> dict[str, Calibration]:
    """Return Platt scaling for each hazard over all languages, and of its own for a language with enough rows."""
    truth = truth_of(rows)
    langs = np.array([row.lang for row in rows])
    weight = _balance(rows)
    count = range(len(HAZARDS))
    shares = [ASSUMED_SHARE.get(hazard, share_of(weight, truth[:, h])) for h, hazard in enumerate(HAZARDS)]
    overall = np.array(
        [platt(logits[:, h], truth[:, h], at_share(weight, truth[:, h], shares[h]), None) for h in count]
    )
    calibrations = {"und": Calibration(overall[:, 0].astype(np.float32), overall[:, 1].astype(np.float32))}
    for lang in LANGUAGES:
        mine, own = langs == lang, overall.copy()
        for h in count:
            said, weighed = truth[mine, h], weight[mine]
            own[h] = platt(logits[mine, h], said, at_share(weighed, said, shares[h]), overall[h])
        if not np.allclose(own, overall):
            calibrations[lang] = Calibration(own[:, 0].astype(np.float32), own[:, 1].astype(np.float32))
    return calibrations


def _balance(rows: Sequence[Row]) -> F64:
    """Return weights under which no source makes up more than a share of the whole."""
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row.source, row.lang)
        counts[key] = counts.get(key, 0) + 1
    return np.array([min(1.0, 150 / counts[row.source, row.lang]) for row in rows])


def write(front: Front, calibrations: dict[str, Calibration], folder: Path) -> None:
    """Write the two files that `Front.load` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "front_table.npy", front.table)
    languages = sorted(calibrations)
    np.savez_compressed(
        folder / "front_head.npz",
        hazards=np.array(front.hazards),
        classes=front.classes,
        first=front.first,
        first_bias=front.first_bias,
        out=front.out,
        languages=np.array(languages),
        slopes=np.stack([calibrations[name].slope for name in languages]),
        shifts=np.stack([calibrations[name].shift for name in languages]),
    )
    print(f"wrote {folder}: {len(languages)} calibrations")


if __name__ == "__main__":
    main()
