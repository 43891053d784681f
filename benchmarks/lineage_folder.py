"""Writes a folder of three families of models, as `leeward licence scan --record` meets them."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import lineage_families as made
from weight_files import write_gguf, write_safetensors

# Name of the base, how its card calls the licence, the head of its text, the notice that must go with it.
FAMILIES = (
    (
        "mistralai/Mistral-Large-Instruct-2411",
        "other\nlicense_name: mrl",
        "Mistral AI Research License\nversion 0.1",
        "Licensed by Mistral AI under the Mistral AI Research License",
    ),
    (
        "mistralai/Codestral-22B-v0.1",
        "other\nlicense_name: mnpl",
        "Mistral AI Non-Production License\nversion 0.1",
        "Licensed by Mistral AI under the Mistral AI Non-Production License",
    ),
    ("mistralai/Mistral-7B-v0.3", "apache-2.0", "Apache License\nVersion 2.0, January 2004", ""),
)


def write(root: Path, number: int) -> None:
    """Write a base, a fine-tune under other terms, a quantisation without notice, and a copy that names no origin."""
    name, licence, text, notice = FAMILIES[number]
    rng, shape = np.random.default_rng(number), made.SHAPES[number]
    base = made.born(shape, rng)
    folder = model(root / name.rpartition("/")[2], f"license: {licence}\nmodel_name: {name}", LICENSE=text)
    (folder / "NOTICE").write_text(notice)
    write_safetensors(folder / "model.safetensors", base)
    tuned = model(root / f"family{number}-ours", f"license: apache-2.0\nbase_model: {name}")
    write_safetensors(tuned / "model.safetensors", made.with_noise(base, rng, 0.1))
    packed = model(root / f"family{number}-q8-GGUF", f"license: {licence}\nbase_model: {name}", LICENSE=text)
    write_gguf(packed / "model.gguf", base, "Q8_0")
    silent = model(root / f"family{number}-silent", "license: mit")
    noisy = made.with_noise(base, rng, 0.2)
    write_safetensors(silent / "model.safetensors", made.with_units_permuted(noisy, rng, shape))


def model(folder: Path, head: str, **files: str) -> Path:
    """Make a model's folder with a card and other files."""
    folder.mkdir(parents=True)
    for name, content in {"README.md": f"---\n{head}\n---\nA fine-tune.\n", **files}.items():
        (folder / name).write_text(content)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
    folder = parser.parse_args().folder
    for number in range(len(FAMILIES)):
        write(folder, number)


if __name__ == "__main__":
    main()
