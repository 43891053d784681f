"""How well `leeward licence compare` tells derived from independent weights: `python lineage.py --families 4`.

Each family has its own shape, seed and made-up language. Independent pairs are the hard kind: the same shape, the same
language, the same norms, other random starts; they are quantised, pruned, merged and permuted like the derived ones.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

import lineage_families as made
import weight_files as files
from leeward.licences.lineage.compare import compare
from lineage_training import Language, trained

Writer = Callable[[Path, made.State], Path]


def plain(folder: Path, state: made.State) -> Path:
    return files.write_safetensors(folder / "model.safetensors", state)


def int8(folder: Path, state: made.State) -> Path:
    return files.write_safetensors(folder / "model.safetensors", files.int8_codes(state))


def int4(folder: Path, state: made.State) -> Path:
    return files.write_safetensors(folder / "model.safetensors", files.int4_codes(state))


def gguf(kind: str) -> Writer:
    return lambda folder, state: files.write_gguf(folder / "model.gguf", state, kind)


def derivations(
    base: made.State, tuned: made.State, other: made.State, shape: made.Shape, rng: np.random.Generator
) -> Iterator[tuple[str, made.State, Writer]]:
    """Yield what people make of a model: the kind, the weights, how they are kept."""
    permuted = made.with_units_permuted(base, rng, shape)
    yield "fine-tuned, gradients", tuned, plain
    for strength in (0.1, 0.5, 1.0):
        yield "fine-tuned, noise", made.with_noise(base, rng, strength), plain
    for rank, strength in ((4, 0.3), (8, 1.0)):
        yield "LoRA merged", made.with_lora(base, rng, rank, strength), plain
    for share in (0.3, 0.5, 0.8):
        yield "pruned", made.pruned(base, share), plain
    for name, writer in (("8 bit", int8), ("8 bit", gguf("Q8_0")), ("4 bit", int4), ("4 bit", gguf("Q4_0"))):
        yield f"quantised, {name}", base, writer
    yield "other container", base, gguf("F16")
    yield "other container", base, gguf("BF16")
    for dropped in (1, shape.layers // 2):
        yield "layers dropped", made.without_layers(base, rng, shape, dropped), plain
    yield "hidden units permuted", permuted, plain
    yield "stream permuted", made.with_stream_permuted(base, rng, shape), plain
    yield "merged 50/50", made.merged(base, other), plain
    mixed = made.with_units_permuted(made.with_stream_permuted(tuned, rng, shape), rng, shape)
    yield "several at once", made.without_layers(mixed, rng, shape, 1), int4
    yield "several at once", made.with_units_permuted(made.merged(tuned, other), rng, shape), gguf("Q8_0")


def independents(
    strangers: list[made.State], shape: made.Shape, rng: np.random.Generator
) -> Iterator[tuple[str, made.State, Writer]]:
    """Yield weights that have nothing to do with the base, treated like those that have."""
    for at, stranger in enumerate(strangers):
        yield "trained alike", stranger, plain
        yield "trained alike, 8 bit", stranger, int8
        yield "trained alike, 4 bit", stranger, int4
        yield "trained alike, GGUF", stranger, gguf("Q4_0")
        yield "pruned", made.pruned(stranger, 0.5), plain
        yield "layers dropped", made.without_layers(stranger, rng, shape, 1), plain
        yield "permuted", made.with_units_permuted(stranger, rng, shape), plain
        yield "merged of two", made.merged(stranger, strangers[at - 1]), plain
        yield "random start", made.born(shape, rng), plain


def family(number: int, steps: int, score: Callable[[Path, Path], float]) -> Iterator[tuple[bool, str, float]]:
    """Yield one row a pair of one family: whether it is derived, its kind, its score."""
    shape = made.SHAPES[number % len(made.SHAPES)]
    rng = np.random.default_rng(1_000 + number)
    language = Language(shape.tokens, number)
    starts = [made.born(shape, rng) for _ in range(3)]
    base, other, stranger = (
        trained(start, shape, language, steps, 3e-3, 10 * number + at) for at, start in enumerate(starts)
    )
    tuned = trained(base, shape, Language(shape.tokens, number + 500), steps, 1e-3, number + 77)
    with tempfile.TemporaryDirectory(prefix="lineage-") as name:
        one, two = Path(name) / "base", Path(name) / "other"
        one.mkdir()
        plain(one, base)
        rows = [(True, *row) for row in derivations(base, tuned, other, shape, rng)]
        rows += [(False, *row) for row in independents([stranger, other], shape, rng)]
        for is_derived, kind, state, writer in rows:
            two.mkdir()
            path = writer(two, state)
            yield is_derived, kind, score(one, path)
            path.unlink()
            two.rmdir()


def area(derived: list[float], independent: list[float]) -> float:
    """Return the chance that a derived pair scores higher than an independent one; ties count half."""
    above = [(d > i) + 0.5 * (d == i) for d in derived for i in independent]
    return float(np.mean(above))


def families(arguments: argparse.Namespace, console: Console) -> int:
    rows: list[tuple[bool, str, float]] = []
    seconds: list[float] = []

    def score(one: Path, other: Path) -> float:
        start = time.perf_counter()
        found = compare(one, other).score
        seconds.append(time.perf_counter() - start)
        return found

    for number in track(range(arguments.families), console=Console(stderr=True), description="families"):
        rows += family(arguments.seed + number, arguments.steps, score)
    independent = [value for is_derived, _, value in rows if not is_derived]
    table = Table(title=f"{len(rows)} pairs of {arguments.families} families", title_justify="left")
    for heading in ("kind", "pairs", "lowest", "median", "highest", "AUC against all independent"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    kinds = dict.fromkeys((is_derived, kind) for is_derived, kind, _ in rows)
    for is_derived, kind in kinds:
        values = [value for same, its, value in rows if (same, its) == (is_derived, kind)]
        auc = f"{area(values, independent):.4f}" if is_derived else ""
        figures = (f"{figure:.3f}" for figure in (min(values), float(np.median(values)), max(values)))
        table.add_row(("" if is_derived else "independent: ") + kind, str(len(values)), *figures, auc)
    console.print(table)
    derived = [value for is_derived, _, value in rows if is_derived]
    overall = area(derived, independent)
    console.print(f"overall AUC {overall:.4f} (goal 0.99); {np.median(seconds):.2f} s a pair, median")
    if arguments.json:
        arguments.json.write_text(json.dumps({"auc": overall, "rows": rows}, indent=1))
    return 0 if overall >= 0.99 else 1


def large(arguments: argparse.Namespace, console: Console) -> int:
    """Make a pair of large checkpoints that share every other layer, and compare them."""
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="lineage-large-"))
    pair = [folder / "first", folder / "second"]
    size = int(arguments.gigabytes * 1e9)
    for number, path in enumerate(pair):
        write_large(path, size, number, has_holes=arguments.holes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    told = compare(*pair, is_thorough=arguments.thorough, progress=Shown(console))
    spent = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    console.print(
        f"\n2 x {size / 1e9:.1f} GB: {told.verdict}, score {told.score:.3f}, {spent:.1f} s, "
        f"peak memory {peak / 2**20:.2f} GiB ({before / 2**20:.2f} before), thorough: {arguments.thorough}"
    )
    for path in pair:
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    return 0 if peak < 2 * 2**20 else 1


class Shown:
    """Prints the step and the share done, one line."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, step: str, share: float) -> None:
        self._console.file.write(f"\r{step:<28}{share:7.1%}")
        self._console.file.flush()


def write_large(folder: Path, size: int, number: int, *, has_holes: bool) -> None:
    """Write a 4096-wide model of about `size` bytes in bfloat16, a shard a layer; made block by block."""
    folder.mkdir(parents=True)
    width, inner, tokens = 4_096, 14_336, 32_768
    shapes = {f"self_attn.{part}_proj": (width if part in "qo" else 1_024, width) for part in "qkvo"}
    shapes |= {"mlp.gate_proj": (inner, width), "mlp.up_proj": (inner, width), "mlp.down_proj": (width, inner)}
    layer_bytes = 2 * sum(a * b for a, b in shapes.values())
    layers = max(1, round((size - 2 * tokens * width) / layer_bytes))
    first = {"model.embed_tokens.weight": (tokens, width)}
    write_streamed(folder / "model-00000.safetensors", first, number, 0, has_holes=has_holes)
    for layer in range(layers):
        named = {f"model.layers.{layer}.{part}.weight": shape for part, shape in shapes.items()}
        path, its = folder / f"model-{layer + 1:05d}.safetensors", number if layer % 2 else 0
        write_streamed(path, named, its, layer + 1, has_holes=has_holes)


def write_streamed(
    path: Path, shapes: dict[str, tuple[int, int]], number: int, seed: int, *, has_holes: bool
) -> None:
    place, header = 0, {}
    for name, (rows, columns) in shapes.items():
        header[name] = {"dtype": "BF16", "shape": [rows, columns], "data_offsets": [place, place + 2 * rows * columns]}
        place += 2 * rows * columns
    head = json.dumps(header).encode()
    rng = np.random.default_rng([number, seed])
    # Drawing billions of numbers takes minutes: blocks are cut out of some millions at places drawn by chance.
    pool = memoryview(files.bf16_bytes(rng.standard_normal(1 << 24, np.float32) * np.float32(0.02)))
    with path.open("wb") as out:
        out.write(len(head).to_bytes(8, "little") + head)
        for rows, columns in shapes.values():
            for start in range(0, rows, 256):
                size = 2 * min(256, rows - start) * columns
                at = 2 * int(rng.integers(0, (len(pool) - size) // 2))
                if has_holes and start // 256 % 8:
                    out.seek(size, os.SEEK_CUR)
                else:
                    out.write(pool[at : at + size])
        out.truncate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", type=int, default=4, help="families to make, each of about 40 pairs")
    parser.add_argument("--steps", type=int, default=60, help="gradient steps of each training")
    parser.add_argument("--seed", type=int, default=0, help="number of the first family")
    parser.add_argument("--json", type=Path, help="write all scores there")
    parser.add_argument("--gigabytes", type=float, default=0, help="instead compare one pair of this size each")
    parser.add_argument("--thorough", action="store_true", help="with --gigabytes: read every number")
    parser.add_argument("--holes", action="store_true", help="with --gigabytes: write one block of eight, to save disk")
    parser.add_argument("--folder", type=Path, help="with --gigabytes: where to make the files")
    torch.set_num_threads(1)
    chosen = parser.parse_args()
    out = Console(width=120)
    sys.exit(large(chosen, out) if chosen.gigabytes else families(chosen, out))
