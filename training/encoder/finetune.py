"""Fine-tunes the encoder on all hazards at once, in rounds, resumable after each."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import sentencepiece
import torch
from torch import Tensor
from torch.nn import functional

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from classifier import Classifier, start  # noqa: E402
from data import bare, folded, held_out  # noqa: E402
from sampling import TRUST, Sampler, noisy  # noqa: E402
from texts import all_texts  # noqa: E402

from grown import LABELS, Text  # noqa: E402

SEED = 20261124
GAP = re.compile(r"\s")  # the product reads every gap as a blank
BEGIN, PAD, END = 0, 1, 2
MOST, MOST_CONTEXT = 96, 40  # pieces of a text, and of what was said before it
TOKENS = 4096  # of a batch, padding included
RATE, HEAD_RATE, FROZEN = 6e-5, 1e-3, 4
NOISE, COMPANY, CONTEXT, CROP = 0.15, 0.09, 0.08, 0.06  # shares of texts that are changed so
APART = 0.5  # weight of the loss that tells a text from its twin
SMOOTH = 0.02


class Feeder:
    """Turns drawn texts into batches of pieces."""

    def __init__(self, texts: Sequence[Text], tokenizer: sentencepiece.SentencePieceProcessor) -> None:
        self.texts, self.tokenizer = texts, tokenizer
        self.ordinary: dict[str, list[str]] = defaultdict(list)
        self.refusals: dict[str, list[str]] = defaultdict(list)
        self.asked: dict[str, list[str]] = defaultdict(list)
        for text in texts:
            row = text.row
            if row.everyday and 15 <= len(row.text) <= 160 and max(row.hazards.values()) == 0:
                self.ordinary[row.lang].append(row.text)
            if row.hazards.get("refusal") == 1.0:
                self.refusals[row.lang].append(row.text)
            if (
                row.source == "grown"
                and row.kind == "prompt"
                and row.hazards.get("harm") == 1.0
                and "request" in row.id
            ):
                self.asked[row.lang].append(row.text)

    def batches(
        self, drawn: npt.NDArray[np.int64], random: np.random.Generator
    ) -> Iterator[list[tuple[list[int], int, int]]]:
        """Yield batches of (pieces, first judged piece, text number); twins stay together."""
        units: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
        for at in drawn.tolist():
            text = self.texts[at]
            words, context = self._changed(text, random)
            units[text.pair or f"#{at}"].append((context, words, at))
        for lang, refusals in self.refusals.items():  # a refusal is harmless whatever it refuses
            for refusal in refusals[:6]:
                if self.asked[lang]:
                    asked = self.asked[lang][int(random.integers(0, len(self.asked[lang])))]
                    units[f"refusal-{lang}-{refusal}"].append((asked, refusal, -1))
        every = list(units.values())
        flat = [(context, words, at) for unit in every for context, words, at in unit]
        judged = self.tokenizer.encode([GAP.sub(" ", words) for _, words, _ in flat])
        before = self.tokenizer.encode([GAP.sub(" ", context) for context, _, _ in flat])
        made: list[list[tuple[list[int], int, int]]] = []
        place = 0
        for unit in every:
            inputs = []
            for _, _, at in unit:
                context = [BEGIN, *before[place][-MOST_CONTEXT:], END] if before[place] else [BEGIN]
                pieces = [*context, *judged[place][:MOST], END]
                inputs.append((pieces, len(context) if before[place] else 0, at))
                place += 1
            made.append(inputs)
        made.sort(key=lambda unit: max(len(pieces) for pieces, _, _ in unit) + random.random() * 3)
        packed: list[list[tuple[list[int], int, int]]] = [[]]
        for unit in made:
            longest = max(len(pieces) for pieces, _, _ in unit)
            if packed[-1] and (len(packed[-1]) + len(unit)) * longest > TOKENS:
                packed.append([])
            packed[-1] += unit
        for at in random.permutation(len(packed)).tolist():
            yield packed[at]

    def _changed(self, text: Text, random: np.random.Generator) -> tuple[str, str]:
        words, context = text.row.text, text.context
        pool = self.ordinary[text.row.lang]
        draw = random.random()
        if context:
            return words, context
        if draw < NOISE and text.row.lang != "code":
            words = folded(noisy(words[:400], random)) or words
        elif draw < NOISE + COMPANY and len(pool) > 20 and len(words) < 250:
            company = [pool[int(at)] for at in random.integers(0, len(pool), int(random.integers(1, 3)))]
            company.insert(int(random.integers(0, len(company) + 1)), words)
            words = " ".join(company)
        elif draw < NOISE + COMPANY + CONTEXT and len(pool) > 20:
            context = pool[int(random.integers(0, len(pool)))]
        elif draw < NOISE + COMPANY + CONTEXT + CROP and text.row.everyday:
            parts = words.split()
            if len(parts) > 4:
                begin = int(random.integers(0, len(parts) - 3))
                words = " ".join(parts[begin : begin + int(random.integers(1, 9))])
        return words, context


def padded(batch: Sequence[tuple[list[int], int, int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Return pieces, which of them are no padding, and which are judged, each [texts, tokens]."""
    longest = max(len(pieces) for pieces, _, _ in batch)
    pieces = torch.full((len(batch), longest), PAD)
    here, judged = torch.zeros(2, len(batch), longest, dtype=torch.bool)
    for at, (found, first, _) in enumerate(batch):
        pieces[at, : len(found)] = torch.tensor(found)
        here[at, : len(found)] = True
        judged[at, first : len(found)] = True
    return pieces, here, judged


def truths(texts: Sequence[Text]) -> npt.NDArray[np.float32]:
    """Return labels [texts, LABELS], NaN where unknown; the last row is that of a refusal after a harmful request."""
    found = np.full((len(texts) + 1, len(LABELS)), np.nan, np.float32)
    for at, text in enumerate(texts):
        for hazard, value in text.row.hazards.items():
            found[at, LABELS.index(hazard)] = value
    found[-1] = 0.0
    found[-1, LABELS.index("refusal")] = 1.0
    return found


def loss_of(logits: Tensor, truth: Tensor, trust: Tensor, pairs: Sequence[str]) -> Tensor:
    """Return the mean loss of a batch: each known label, and each violating text above its twin."""
    known = ~truth.isnan()
    goal = truth.nan_to_num() * (1 - 2 * SMOOTH) + SMOOTH * known
    each = functional.binary_cross_entropy_with_logits(logits, goal, reduction="none") * known
    loss = (each.sum(1) * trust).mean()
    by_pair: dict[str, list[int]] = defaultdict(list)
    for at, pair in enumerate(pairs):
        if pair:
            by_pair[pair].append(at)
    high, low, what = [], [], []
    for members in by_pair.values():
        for one in members:
            for other in members:
                for hazard in torch.nonzero((truth[one] == 1) & (truth[other] == 0)).flatten().tolist():
                    high.append(one), low.append(other), what.append(hazard)
    if high:
        margin = logits[high, what] - logits[low, what]
        loss = loss + APART * functional.softplus(2.0 - margin).sum() / len(pairs)
    return loss


def main() -> None:
    """Train, writing a checkpoint after every round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder that pieces.py wrote; checkpoints go there")
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--leave-out", default="", help="sources to train without, parted by commas; see left_out.py")
    parser.add_argument("--name", default="encoder")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)
    work: Path = arguments.work
    kept = np.load(work / "kept.npy")
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(work / "tokenizer.model"))
    model = start(arguments.image, kept, len(LABELS))
    for block in model.blocks[:FROZEN]:
        block.requires_grad_(False)
    model.norm.requires_grad_(False)
    model.places.requires_grad_(False)
    body = [p for n, p in model.named_parameters() if p.requires_grad and not n.startswith("head")]
    optimizer = torch.optim.AdamW(
        [{"params": body, "peak": RATE, "weight_decay": 0.01}, {"params": model.head.parameters(), "peak": HEAD_RATE}],
        lr=RATE, betas=(0.9, 0.98),
    )  # fmt: skip
    saved, first = work / f"{arguments.name}.pt", 0
    if saved.exists():
        state = torch.load(saved)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["round"] + 1
    measuring, apart = held_out(), set(arguments.leave_out.split(","))
    for number in range(first, arguments.rounds):
        texts = [
            text for text in all_texts(arguments.data, work / "rows.pkl")
            if text.row.fold == "train" and text.row.source not in apart
            and bare(text.row.text) not in measuring
        ]  # fmt: skip
        train_round(model, optimizer, texts, tokenizer, number, arguments.rounds)
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "round": number}, saved)


def train_round(
    model: Classifier, optimizer: torch.optim.Optimizer, texts: Sequence[Text],
    tokenizer: sentencepiece.SentencePieceProcessor, number: int, rounds: int,
) -> None:  # fmt: skip
    """Train on one draw; what a round draws depends on its number alone."""
    random = np.random.default_rng([SEED, number])
    torch.manual_seed(SEED + number)
    truth = torch.from_numpy(truths(texts))
    trust = torch.tensor([TRUST.get(text.row.source, 1.0) for text in texts] + [1.0])
    batches = list(Feeder(texts, tokenizer).batches(Sampler(texts).draw(random), random))
    began, total, seen = time.monotonic(), 0.0, 0
    model.train()
    for step, batch in enumerate(batches):
        done = (number + step / len(batches)) / rounds
        warm = min(1.0, (number * len(batches) + step + 1) / 150)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * warm * (1.0 - 0.97 * done)
        pieces, here, judged = padded(batch)
        of = [at for _, _, at in batch]
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(pieces, here, judged)
        pairs = [texts[at].pair if at >= 0 else "" for at in of]
        loss = loss_of(logits.float(), truth[of], trust[of], pairs)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += float(loss.detach()) * len(batch)
        seen += len(batch)
        if step % 40 == 0:
            pace = seen / (time.monotonic() - began)
            print(
                f"\rround {number + 1}/{rounds} batch {step}/{len(batches)} loss {total / seen:.4f} {pace:.0f} texts/s",
                end="",
                flush=True,
            )
    print(
        f"\rround {number + 1}/{rounds}: {seen} of {len(texts)} texts, loss {total / seen:.4f}, "
        f"{time.monotonic() - began:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
