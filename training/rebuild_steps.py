"""The steps that make the weights, in order: what each reads, writes and runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
WEIGHTS = ROOT / "src/leeward/models/weights"
RULESETS = ROOT / "src/leeward/policy/rulesets"
# Sources that a shorter run trains without, one or more of each kind.
LEFT_OUT = (
    "hatexplain", "gahd", "told_br", "cold", "apeach", "ogtd", "offenseval_ar", "mlc_v05", "r006_malware",
    "crows_pairs", "redditbias", "catqa", "advbench",
)  # fmt: skip
LEFT_OUT_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One sub-process.

    Attributes:
        command: Script below `training/` and its arguments.
        inputs: Files that make the step stale when they are younger than its stamp.
        outputs: Files that must exist for the step to count as done.
        said: File that keeps what the step prints; None when that is not kept.
        checkpoint: File that the step goes on from when it was cut off.
    """

    name: str
    command: tuple[str, ...]
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...] = ()
    said: Path | None = None
    checkpoint: Path | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything lies.

    Attributes:
        data: Folder with the `*.jsonl.gz` files.
        image: Packed encoder of the manifest.
        work: Folder for what is kept between the steps.
        weights: Folder for the weights.
        rulesets: Folder of the rulesets that get thresholds.
        docs: Folder of the pages that get tables.
    """

    data: Path
    image: Path
    work: Path
    weights: Path = WEIGHTS
    rulesets: Path = RULESETS
    docs: Path = ROOT / "docs"

    @property
    def files(self) -> tuple[Path, ...]:
        """The data files."""
        return tuple(sorted(self.data.glob("*.jsonl.gz")))

    def here(self, name: str) -> Path:
        """Return a file of the work folder."""
        return self.work / name


def _scripts(folder: str, *names: str) -> tuple[Path, ...]:
    return tuple(HERE / folder / f"{name}.py" for name in names)


def front_steps(at: Places) -> Iterator[Step]:
    """Yield the steps of the front classifier, in two runs as training/README.md tells."""
    data, work, weights = ("--data", str(at.data)), at.work / "front", ("--weights", str(at.weights))
    read = (*at.files, *sorted((HERE / "front").glob("*.toml")), *_scripts("front", "data", "labels", "seeds"))
    places, first, last = work / "sents.npz", work / "first.pt", work / "front.pt"
    table = tuple(at.weights / name for name in ("front_table.npy", "front_head.npz"))
    embed = ("front/embed.py", *data, "--image", str(at.image), "--out", str(work))
    yield Step("front-embed", embed, (*read, at.image), (places, work / "words.npy"))
    train = ("front/train.py", *data, "--embeddings", str(work), "--out")
    yield Step("front-train", (*train, str(first)), (*read, places), (first,))
    again = ("--start", str(first), "--share", "0.2", "--pace", "0.2", "--epochs", "1")
    yield Step("front-train-again", (*train, str(last), *again), (first,), (last,))
    export = ("front/export.py", *data, "--checkpoint", str(last), "--out", str(at.weights))
    yield Step("front-export", export, (last,), table)
    pick = ("front/thresholds.py", *data, *weights, "--rulesets", str(at.rulesets))
    yield Step("front-thresholds", pick, table)


def encoder_steps(at: Places, rounds: int) -> Iterator[Step]:
    """Yield the steps of the encoder: `rounds` rounds of fine-tuning, then all that follows."""
    data, work, weights = ("--data", str(at.data)), ("--work", str(at.work)), ("--weights", str(at.weights))
    image, rulesets = ("--image", str(at.image)), ("--rulesets", str(at.rulesets))
    grown = tuple(sorted((HERE / "grown").rglob("*.txt")))
    rows, checkpoint, graph = at.here("rows.pkl"), at.here("encoder.pt"), at.weights / "encoder.onnx"
    pieces = (at.here("tokenizer.model"), at.here("kept.npy"))
    gate, head = at.weights / "gate.npz", at.weights / "encoder_head.npz"
    read = (*at.files, *sorted((HERE / "front").glob("*.toml")), *_scripts("front", "data", "labels", "seeds"))
    yield Step("rows", ("encoder/rows.py", *data, *work), read, (rows,))
    cut = ("encoder/pieces.py", *image, "--rows", str(rows), "--out", str(at.work))
    yield Step("pieces", cut, (rows, at.image), pieces)
    tune = ("encoder/finetune.py", *data, *image, *work, "--rounds", str(rounds))
    learnt = (rows, *pieces, *grown, *_scripts("encoder", "classifier", "sampling", "grown", "texts"))
    yield Step("finetune", tune, learnt, (checkpoint,), checkpoint=checkpoint)
    export = ("encoder/export.py", *image, *work, "--out", str(at.weights))
    yield Step("export", export, (checkpoint, *_scripts("encoder", "export")), (graph,))
    leaking = at.here("leaks.txt")  # texts that no later step measures on
    leaks = ("encoder/leaks.py", *data, *work, "--ids", str(leaking))
    yield Step("leaks", leaks, (rows, *grown, *_scripts("encoder", "leaks")), (leaking,), at.here("leaks.md"))
    fit = ("encoder/calibrate.py", *data, *work, *weights)
    front = (at.weights / "front_head.npz", at.weights / "front_table.npy")
    yield Step("calibrate", fit, (graph, leaking, *front, *_scripts("encoder", "calibrate")), (head,))
    learn = ("encoder/gate.py", *data, *work, *weights)
    yield Step("gate", learn, (head, *front, *_scripts("encoder", "gate", "gate_samples")), (gate,))
    pick = ("encoder/thresholds.py", *data, *work, *weights, *rulesets)
    yield Step(
        "thresholds", pick, (gate, *_scripts("encoder", "thresholds")), tuple(sorted(at.rulesets.glob("*.toml")))
    )
    yield from measuring_steps(at, (gate, graph))


def left_out_steps(at: Places, graph: Path) -> Iterator[Step]:
    """Yield the steps that train a while without some sources and measure on them."""
    data, work, name = ("--data", str(at.data)), ("--work", str(at.work)), ("--name", "apart")
    image, checkpoint, apart = ("--image", str(at.image)), at.here("apart.pt"), at.here("apart")
    grown = tuple(sorted((HERE / "grown").rglob("*.txt")))
    without = ("--leave-out", ",".join(LEFT_OUT), "--rounds", str(LEFT_OUT_ROUNDS))
    tune = ("encoder/finetune.py", *data, *image, *work, *name, *without)
    learnt = (at.here("rows.pkl"), at.here("kept.npy"), *grown)
    yield Step("left-out-finetune", tune, learnt, (checkpoint,), checkpoint=checkpoint)
    export = ("encoder/export.py", *image, *work, *name, "--out", str(apart))
    yield Step("left-out-export", export, (checkpoint,), (apart / "encoder.onnx",))
    measure = ("encoder/left_out.py", *data, *work, "--weights", str(at.weights), "--apart", str(apart))
    yield Step("left-out", measure, (apart / "encoder.onnx", graph), (), at.here("left_out.md"))


def measuring_steps(at: Places, made: Sequence[Path]) -> Iterator[Step]:
    """Yield the steps that measure the weights and write about them."""
    data, work, weights = ("--data", str(at.data)), ("--work", str(at.work)), ("--weights", str(at.weights))
    shared = (*data, *work, *weights, "--rulesets", str(at.rulesets))
    after = (*made, *sorted(at.rulesets.glob("*.toml")))
    coverage = at.weights / "coverage.json"
    said = {name: at.here(f"{name}.md") for name in ("leaks", "evaluate", "bias", "adversarial")}
    measure = ("encoder/evaluate.py", *shared, "--coverage", str(coverage))
    yield Step("evaluate", measure, (*after, *_scripts("encoder", "evaluate")), (coverage,), said["evaluate"])
    for name in ("bias", "adversarial"):
        own = shared if name == "adversarial" else shared[2:]
        yield Step(name, (f"encoder/{name}.py", *own), (*after, *_scripts("encoder", name)), (), said[name])
    yield from left_out_steps(at, made[1])
    said["left-out"] = at.here("left_out.md")
    write = ("encoder/cards.py", *work, "--docs", str(at.docs))
    yield Step("cards", write, (*said.values(), *_scripts("encoder", "cards")), (at.docs / "model-card.md",))
