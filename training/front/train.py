"""Trains the front classifier: first where words lie in meaning, then what is harmful."""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from corpus import Corpus, corpus_of
from data import LANGUAGES, LONGEST, Row, bare, held_out, read_rows
from labels import HAZARDS
from network import MEANING, Network, RowAdagrad
from seeds import seed_rows

SEED = 20261124
BATCH = 1024
CELL = 2600  # most rows that one (source, language, harmful or not) gives to an epoch
MIXED = {
    "seeds", "frames", "catqa", "xsafety", "mlc_ailuminate_multi", "ailuminate", "advbench", "r006_malware",
    "r009_injection", "coconot",
}  # fmt: skip
CROPS = 2  # of each ordinary text
EVERYDAY_WEIGHT = 3.0  # what is said every day must pass before anything else
OWN = ("seeds", "frames")  # whose harmless texts are requests that must pass
HARMFUL = 0.2  # harmful over harmless, of each hazard in each language
REPEAT = {
    "twins": 3,
    "seeds": 3,
    "frames": 3,
    "catqa": 3,
    "xsafety": 2,
    "mlc_ailuminate_multi": 3,
    "ailuminate": 3,
    "advbench": 3,
    "r006_malware": 2,
}
# The noisier or the more one-sided a source, the less one row of it says.
WEIGHT = {
    "uli": 0.4, "jigsaw_templates": 0.2, "redditbias": 0.5, "seegull": 0.3, "mlma": 0.25, "mlc_v05": 0.5,
    "roman_urdu": 0.5, "creak": 0.5, "ans_ar": 0.5, "cold": 0.6, "poleval_cbd": 0.7, "hatexplain": 0.7,
    "offenseval_tr": 0.8, "ogtd": 0.8,
}  # fmt: skip


def main() -> None:
    """Train and write a checkpoint."""
    arguments = _arguments()
    random = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    torch.set_num_threads(arguments.threads)
    measuring = held_out()
    found = chain(read_rows(arguments.data), seed_rows())
    rows = [row for row in found if row.fold == "train" and bare(row.text) not in measuring]
    if arguments.share < 1.0:
        rows = [row for row in rows if row.source in MIXED or random.random() < arguments.share]
    rows += [*crops(rows, random), *mixes(rows, random)]
    corpus = corpus_of([row.text for row in rows])
    print(f"{len(rows)} training rows, {len(corpus.rows)} features", flush=True)
    network = Network(len(HAZARDS))
    meaning = Meaning(arguments.embeddings, rows)
    trainer = Trainer(network, random, arguments.pace)
    if arguments.start:
        network.load_state_dict(torch.load(arguments.start))
    kept = arguments.out.with_suffix(".meaning.pt")  # so that labels can change without learning the words again
    if kept.exists() and not arguments.start:
        network.load_state_dict(torch.load(kept))
    elif not arguments.start:
        for epoch in range(arguments.meaning_epochs):
            trainer.learn_meaning(meaning, corpus, epoch)
        torch.save(network.state_dict(), kept)
    sampler = Sampler(rows, random)
    for epoch in range(arguments.epochs):
        trainer.learn_hazards(corpus, sampler, meaning, epoch, arguments.epochs)
        torch.save(network.state_dict(), arguments.out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the *.jsonl.gz files")
    parser.add_argument("--embeddings", type=Path, required=True, help="folder that embed.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--meaning-epochs", type=int, default=4)
    parser.add_argument("--start", type=Path, help="checkpoint to go on from, e.g. after labels have changed")
    parser.add_argument("--share", type=float, default=1.0, help="share of the larger sources to train on")
    parser.add_argument("--pace", type=float, default=1.0, help="size of the steps; small when going on")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def crops(rows: Sequence[Row], random: np.random.Generator) -> Iterator[Row]:
    """Yield a few words out of harmless texts: what is short shows little, and must not be taken for harm."""
    for row in rows:
        if row.everyday and row.lang in (*LANGUAGES, "code") and max(row.hazards.values()) == 0:
            words = row.text.split()
            if len(words) < 4:
                words = list(row.text) if ord(row.text[0]) > 0x0E00 else words
            for number, length in enumerate(random.integers(1, 10, CROPS).tolist()):
                if length < len(words):
                    start = int(random.integers(0, len(words) - length))
                    text = ("" if len(words[0]) == 1 else " ").join(words[start : start + length])
                    yield replace(row, id=f"{row.id}-crop{number}", text=text, source="crop")


def mixes(rows: Sequence[Row], random: np.random.Generator) -> Iterator[Row]:
    """Yield texts with ordinary sentences of their language around them: what is harmful stays so in company."""
    ordinary: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.everyday and 20 <= len(row.text) <= 160 and max(row.hazards.values()) == 0:
            ordinary[row.lang].append(row.text)
    for row in rows:
        pool = ordinary[row.lang]
        share = 1.0 if row.source in MIXED or row.source.startswith("twins") else 0.15
        if len(pool) < 20 or len(row.text) > 250 or random.random() >= share:
            continue
        company = [pool[at] for at in random.integers(0, len(pool), int(random.integers(1, 4)))]
        company.insert(int(random.integers(0, len(company) + 1)), row.text)
        yield replace(row, id=f"{row.id}-mix", text=" ".join(company)[:LONGEST], source="mix")


class Meaning:
    """Where an encoder places words and sentences, less what only tells the language or script.

    Attributes:
        words: Features of single words.
        targets: Unit vectors of the words [words, MEANING].
        of_row: Unit vector of each training row, zero when it was not embedded [rows, MEANING].
    """

    def __init__(self, folder: Path, rows: Sequence[Row]) -> None:
        words = (folder / "words.txt").read_text(encoding="utf-8").split("\n")
        vectors = np.load(folder / "words.npy").astype(np.float32)
        vectors -= _means(vectors, [script_of(word) for word in words])
        sentences = np.load(folder / "sents.npz")
        at = {row.id: index for index, row in enumerate(rows)}
        known = [(at[str(name)], index) for index, name in enumerate(sentences["ids"]) if str(name) in at]
        places = np.array([place for place, _ in known])
        said = sentences["vecs"].astype(np.float32)[[index for _, index in known]]
        said -= _means(said, [rows[place].lang for place in places])
        _, _, axes = np.linalg.svd(np.concatenate((said[:8000], vectors[::12])), full_matrices=False)
        axes = axes[:MEANING].T
        self.words = corpus_of(words)
        self.targets = _unit(vectors @ axes)
        self.of_row = np.zeros((len(rows), MEANING), np.float32)
        self.of_row[places] = _unit(said @ axes)
        self.known = places


def script_of(word: str) -> str:
    """Return a rough script of `word`, by the first letter's block."""
    code = ord(word[0]) if word else 0
    return "latin" if code < 0x370 else str(code >> 8) if code < 0x3000 else "east" if code < 0xAC00 else "hangul"


def _means(vectors: npt.NDArray[np.float32], kinds: Sequence[str]) -> npt.NDArray[np.float32]:
    of: dict[str, list[int]] = defaultdict(list)
    for index, kind in enumerate(kinds):
        of[kind].append(index)
    overall, means = vectors.mean(0), np.empty_like(vectors)
    for places in of.values():
        share = len(places) / (len(places) + 50.0)
        means[places] = share * vectors[places].mean(0) + (1 - share) * overall
    return means


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)


class Sampler:
    """Draws an epoch in which no source or language drowns the others."""

    def __init__(self, rows: Sequence[Row], random: np.random.Generator) -> None:
        self.random = random
        self.truth = np.full((len(rows), len(HAZARDS)), np.nan, np.float32)
        self.cells: dict[tuple[str, str, bool], list[int]] = defaultdict(list)
        weight = np.ones(len(rows), np.float32)
        for index, row in enumerate(rows):
            for hazard, value in row.hazards.items():
                self.truth[index, HAZARDS.index(hazard)] = value
            source = "twins" if row.source.startswith("twins") else row.source
            ordinary = row.everyday or (source in OWN and max(row.hazards.values()) == 0)
            weight[index] = WEIGHT.get(source, 1.0) * (EVERYDAY_WEIGHT if ordinary else 1.0)
            self.cells[source, row.lang, max(row.hazards.values()) > 0].append(index)
        self.weight = weight[:, None] * self._fair([row.lang for row in rows])

    def _fair(self, langs: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return weights by which harm is as frequent in every language, so that a language is no sign of harm."""
        share = np.zeros(len(langs), np.float32)
        for (source, lang, _), members in self.cells.items():
            share[members] = _times(source) * min(1.0, _most(lang) / len(members))
        of = np.array(langs)
        fair = np.ones_like(self.truth)
        for lang in set(langs):
            mine = of == lang
            for hazard in range(self.truth.shape[1]):
                yes, no = mine & (self.truth[:, hazard] == 1), mine & (self.truth[:, hazard] == 0)
                if yes.any() and no.any():
                    fair[yes, hazard] = np.clip(HARMFUL * share[no].sum() / share[yes].sum(), 0.2, 4.0)
                elif yes.any():
                    fair[yes, hazard] = 0.2
        return fair

    def epoch(self) -> npt.NDArray[np.int64]:
        """Return row numbers in random order."""
        chosen: list[npt.NDArray[np.int64]] = []
        for (source, lang, _), members in self.cells.items():
            pool = np.array(members)
            chosen += [self.random.permutation(pool)[: _most(lang)] for _ in range(_times(source))]
        return self.random.permutation(np.concatenate(chosen))


def _most(lang: str) -> int:
    return CELL if lang in LANGUAGES or lang == "code" else 120


def _times(source: str) -> int:
    return REPEAT.get(source, 1)


class Trainer:
    """Steps of both phases on one network."""

    def __init__(self, network: Network, random: np.random.Generator, pace: float) -> None:
        self.network, self.random, self.pace = network, random, pace
        self.table = RowAdagrad(network.table, rate=0.06)
        self.head = torch.optim.AdamW(
            [p for n, p in network.named_parameters() if n != "table"], lr=2e-3, weight_decay=1e-3
        )

    def learn_meaning(self, meaning: Meaning, corpus: Corpus, epoch: int) -> None:
        """Pull the features of each word and embedded sentence to where the encoder places it."""
        words = self.random.permutation(len(meaning.targets))
        sentences = self.random.permutation(meaning.known)
        steps = len(words) // 2048
        began, total = time.monotonic(), 0.0
        for step in range(steps):
            loss = self._step_of_meaning(meaning.words, words[step::steps], meaning.targets)
            total += loss + self._step_of_meaning(corpus, sentences[step::steps], meaning.of_row)
        print(f"meaning {epoch}: {total / steps:.4f} in {time.monotonic() - began:.0f} s", flush=True)

    def _step_of_meaning(self, corpus: Corpus, of: npt.NDArray[np.int64], targets: npt.NDArray[np.float32]) -> float:
        rows, bags, weights = corpus.batch(of, 0.85, self.random)
        loss = self._distance(self._pooled(rows, bags, weights), torch.from_numpy(targets[of]))
        self._step(loss, rows)
        return float(loss.detach())

    def learn_hazards(self, corpus: Corpus, sampler: Sampler, meaning: Meaning, epoch: int, epochs: int) -> None:
        """Learn the labels of one epoch, and keep meaning in place beside."""
        order = sampler.epoch()
        rate = self.pace * (1.0 - epoch / epochs)
        self.table.rate = 0.06 * rate
        for group in self.head.param_groups:
            group["lr"] = 2e-3 * rate
        began, total = time.monotonic(), 0.0
        for first in range(0, len(order), BATCH):
            of = order[first : first + BATCH]
            rows, bags, weights = corpus.batch(of, 0.7, self.random)
            pooled = self._pooled(rows, bags, weights)
            weight = sampler.weight[of]
            loss = self._hazard_loss(self.network.logits(pooled), sampler.truth[of], weight)
            loss = loss + 0.5 * self._hazard_loss(self.network.logits_by_meaning(pooled), sampler.truth[of], weight)
            embedded = np.flatnonzero(meaning.of_row[of].any(1))
            if len(embedded):
                places = torch.from_numpy(meaning.of_row[of[embedded]])
                loss = loss + 0.3 * self._distance(pooled[torch.from_numpy(embedded)], places)
            self._step(loss, rows)
            self._step_of_meaning(meaning.words, self.random.integers(0, len(meaning.targets), BATCH), meaning.targets)
            total += float(loss.detach()) * len(of)
        print(
            f"hazards {epoch}: {len(order)} rows, {total / len(order):.4f} in {time.monotonic() - began:.0f} s",
            flush=True,
        )

    def _pooled(
        self, rows: npt.NDArray[np.int64], bags: npt.NDArray[np.int64], weights: npt.NDArray[np.float32]
    ) -> torch.Tensor:
        pooled = self.network.pooled(rows, bags, weights)
        width = pooled.shape[1] // 2
        kept = torch.ones(len(pooled), 2)
        draw = torch.from_numpy(self.random.random(len(pooled), np.float32))
        kept[draw < 0.15, 0] = 0.0  # each half must be able to tell alone
        kept[(draw >= 0.15) & (draw < 0.25), 1] = 0.0
        return pooled * kept.repeat_interleave(width, 1)

    def _distance(self, pooled: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return (1.0 - torch.nn.functional.cosine_similarity(self.network.meaning(pooled), targets)).mean()

    def _hazard_loss(
        self, logits: torch.Tensor, truth: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]
    ) -> torch.Tensor:
        known = torch.from_numpy(~np.isnan(truth))
        goal = torch.from_numpy(np.nan_to_num(truth))
        losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, goal, reduction="none")
        return (losses * known * torch.from_numpy(weight)).sum(1).mean()

    def _step(self, loss: torch.Tensor, rows: npt.NDArray[np.int64]) -> None:
        self.head.zero_grad(set_to_none=True)
        self.network.table.grad = None
        loss.backward()
        self.head.step()
        self.table.step(rows)


if __name__ == "__main__":
    main()
