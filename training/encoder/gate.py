"""Trains the gate before the encoder: it learns from the encoder's own scores in which texts there is nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from gate_samples import danger, doubts, raw_scores, readings, samples  # noqa: E402
from scoring import kept  # noqa: E402
from texts import all_texts  # noqa: E402

from grown import LABELS  # noqa: E402
from leeward.models.encoder import Encoder  # noqa: E402
from leeward.models.front import Front  # noqa: E402
from leeward.models.parts import PART_CHARS  # noqa: E402

F32 = npt.NDArray[np.float32]
LOOK_AGAIN = 0.25  # a text with so much of any serious hazard must not be cleared
MISSED = 0.008  # share of them, in the calibration fold, that may be cleared
CEILING = 0.05
UNITS, EPOCHS, BATCH, PACE, DROPPED = 96, 8, 256, 2e-3, 0.1


def trained(inputs: F32, worst: F32) -> dict[str, F32]:
    """Return the gate's layers for inputs as they come, trained on `worst`, the danger that the encoder saw."""
    torch.manual_seed(0)
    mean, spread = inputs.mean(0), inputs.std(0) + 1e-3
    flat = torch.from_numpy((inputs - mean) / spread)
    goal = torch.from_numpy((worst >= LOOK_AGAIN).astype(np.float32))
    hidden, out = torch.nn.Linear(inputs.shape[1], UNITS), torch.nn.Linear(UNITS, 1)
    net = torch.nn.Sequential(hidden, torch.nn.ReLU(), torch.nn.Dropout(DROPPED), out)
    optimizer = torch.optim.AdamW(net.parameters(), PACE, weight_decay=0.02)
    steps = EPOCHS * (len(inputs) // BATCH)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, PACE, total_steps=steps + 1)
    random = np.random.default_rng(0)
    for _ in range(EPOCHS):
        order = random.permutation(len(inputs))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            batch = torch.from_numpy(order[start : start + BATCH])
            loss = functional.binary_cross_entropy_with_logits(net(flat[batch])[:, 0], goal[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            pace.step()
    weight = hidden.weight.detach().numpy().T / spread[:, None]
    return {
        "first": weight.astype(np.float32),
        "first_bias": (hidden.bias.detach().numpy() - mean @ weight).astype(np.float32),
        "out": out.weight.detach().numpy()[0].astype(np.float32),
    }


def main() -> None:
    """Write the gate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    arguments = parser.parse_args()
    front, encoder = Front.load(arguments.weights), Encoder.load(arguments.weights)
    texts = all_texts(arguments.data, arguments.work / "rows.pkl")
    found = samples(texts, np.random.default_rng(5))
    scores = raw_scores(found, front, encoder, arguments.work / "gate_scores.npz")
    worst = danger(encoder, scores, [one.lang for one in found])
    layers = trained(readings(front, [one.text for one in found]), worst)
    cal = kept(arguments.data, arguments.weights, "cal", arguments.work)
    seen = danger(encoder, cal.logits, [text.row.lang for text in cal.texts])
    sums = doubts(readings(front, [text.row.text[:PART_CHARS] for text in cal.texts]), layers)
    least = float(np.quantile(sums[seen >= LOOK_AGAIN], MISSED))
    everyday = np.array([text.row.everyday for text in cal.texts])
    print(
        f"gate: clears {(sums[everyday] < least).mean():.1%} of everyday texts of the calibration fold, "
        f"{(sums[seen < LOOK_AGAIN] < least).mean():.1%} of all in which the encoder finds nothing, "
        f"{(sums[seen >= 0.5] < least).mean():.2%} of those that it would stop"
    )
    also = np.array([label for label in LABELS if label == "refusal"])
    np.savez(arguments.weights / "gate.npz", **layers, bias=-least, ceiling=CEILING, also=also)


if __name__ == "__main__":
    main()
