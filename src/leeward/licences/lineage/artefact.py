"""What lies in a model's folder, and what it says of where the model comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from leeward.errors import CheckpointError
from leeward.licences.lineage.front_matter import Facts, front_matter
from leeward.licences.lineage.licence_names import licence_of_text, licence_of_word
from leeward.licences.weights.checkpoint import read_header
from leeward.licences.weights.tensor import ByteFile

Relation: TypeAlias = Literal["base", "fine-tune", "merge", "quantisation", "adapter"]

MARKS: Final = ("README.md", "config.json", "adapter_config.json", "mergekit_config.yml", "mergekit_config.yaml")
_LARGEST_TEXT_BYTES = 2 << 20
_LARGEST_JSON_BYTES = 16 << 20
_MOST_WEIGHT_FILES = 2_000
_RELATIONS: Final[Mapping[str, Relation]] = {
    "adapter": "adapter", "merge": "merge", "quantized": "quantisation", "quantised": "quantisation",
    "finetune": "fine-tune", "fine-tune": "fine-tune", "finetuned": "fine-tune",
}  # fmt: skip
_LICENCE_KEYS: Final = ("general.license.name", "general.license", "license", "modelspec.license")
_MODEL_NAME: Final = re.compile(r"[\w.-]+/[\w.-]+")
_MERGED: Final = re.compile(r"^\s*(?:-\s*)?(?:model|base_model):\s*[\"']?([\w./-]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Claim:
    """A model that a file names as the origin of this one."""

    base: str
    relation: Relation | None
    source: str


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """A model's folder, or one file of weights.

    Attributes:
        name: As the card or the weights name it; else that of the folder.
        licence_words: What card and headers call its licence.
        licence: Id in the registry of the licence that it declares; empty when none is known by that name.
        claims: Where it says that it comes from, and where its files say so.
        licence_files, notice_files: Names and texts.
        card: Text of the card without its head.
        weight_files: Files of weights.
        unreadable: File names with the reason.
    """

    path: Path
    name: str
    licence_words: tuple[str, ...]
    licence: str
    claims: tuple[Claim, ...]
    relation: Relation
    licence_files: Mapping[str, str]
    notice_files: Mapping[str, str]
    card: str
    has_card: bool
    weight_files: tuple[Path, ...]
    unreadable: Mapping[str, str]

    @property
    def licence_of_files(self) -> str:
        """Id of the licence whose text lies in the folder; empty when none is recognised."""
        return next((found for text in self.licence_files.values() if (found := licence_of_text(text))), "")


def is_model(folder: Path) -> bool:
    """Whether a folder holds a model or what was written about one."""
    if any((folder / mark).is_file() for mark in MARKS[2:]) or _weights(folder):
        return True
    config = _json(folder / "config.json", {})
    facts, _ = front_matter(_text(folder / "README.md"))
    is_config = bool({"architectures", "model_type"} & config.keys())
    return is_config or bool({"base_model", "license", "pipeline_tag"} & facts.keys())


def read_artefact(path: Path) -> Artefact:
    """Return what a model's folder, or a file of weights and what lies beside it, says."""
    folder = path if path.is_dir() else path.parent
    unreadable: dict[str, str] = {}
    facts, card = front_matter(_text(folder / "README.md"))
    weights = _weights(folder) if path.is_dir() else (path,)
    header, has_lora = _headers(weights, unreadable)
    config = _json(folder / "config.json", unreadable)
    adapter = _json(folder / "adapter_config.json", unreadable)
    told = [*_of_card(facts), *_of_adapter(adapter), *_of_merge(folder), *_of_header(header), *_of_config(config)]
    claims = tuple(dict.fromkeys(told))
    words = [*facts.get("license_name", ()), *facts.get("license", ())]
    words += [header[key] for key in _LICENCE_KEYS if key in header]
    files = {file.name: _text(file) for file in sorted(folder.iterdir()) if file.is_file()} if folder.is_dir() else {}
    return Artefact(
        path=path,
        name=_name(facts, header, path),
        licence_words=tuple(dict.fromkeys(words)),
        licence=licence_of_word(*words),
        claims=claims,
        relation=_relation(claims, facts, config, bool(adapter) or has_lora, header),
        licence_files={n: t for n, t in files.items() if n.upper().startswith(("LICENSE", "LICENCE", "COPYING"))},
        notice_files={n: t for n, t in files.items() if n.upper().startswith("NOTICE")},
        card=card,
        has_card=(folder / "README.md").is_file(),
        weight_files=weights,
        unreadable=unreadable,
    )


def _weights(folder: Path) -> tuple[Path, ...]:
    found = sorted([*folder.glob("*.safetensors"), *folder.glob("*.gguf")])
    return tuple(found[:_MOST_WEIGHT_FILES])


def _text(path: Path) -> str:
    """Return the beginning of a text file; nothing when there is none, or when it is as large as no text is."""
    try:
        if not path.is_file() or path.suffix in (".safetensors", ".gguf", ".bin", ".json"):
            return ""
        with path.open("rb") as file:
            return file.read(_LARGEST_TEXT_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _json(path: Path, unreadable: dict[str, str]) -> dict[str, object]:
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > _LARGEST_JSON_BYTES:
            unreadable[path.name] = "it is larger than 16 MiB"
            return {}
        return msgspec.json.decode(path.read_bytes(), type=dict[str, object])
    except (OSError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        unreadable[path.name] = str(error)
        return {}


def _headers(weights: Iterable[Path], unreadable: dict[str, str]) -> tuple[dict[str, str], bool]:
    """Return what headers of weights say, and whether there are tensors of a low-rank adapter."""
    words: dict[str, str] = {}
    has_lora = False
    for path in weights:
        try:
            file = ByteFile(path)
        except CheckpointError as error:
            unreadable[path.name] = error.message
            continue
        try:
            header = read_header(file)
        except CheckpointError as error:
            unreadable[path.name] = error.message
        else:
            words = {**header.metadata, **words}
            has_lora = has_lora or any("lora_" in tensor.name for tensor in header.tensors)
        finally:
            file.close()
    return words, has_lora


def _of_card(facts: Facts) -> list[Claim]:
    said = next(iter(facts.get("base_model_relation", ())), "").lower()
    relation = _RELATIONS.get(said)
    claims = [Claim(base, relation, "README.md") for base in facts.get("base_model", ())]
    for tag in facts.get("tags", ()):
        if tag.startswith("base_model:"):
            kind, _, base = tag.removeprefix("base_model:").rpartition(":")
            claims.append(Claim(base, _RELATIONS.get(kind, relation), "README.md"))
    return claims


def _of_adapter(adapter: dict[str, object]) -> list[Claim]:
    base = adapter.get("base_model_name_or_path")
    return [Claim(base, "adapter", "adapter_config.json")] if isinstance(base, str) and base else []


def _of_merge(folder: Path) -> list[Claim]:
    for name in MARKS[3:]:
        if text := _text(folder / name):
            return [Claim(base, "merge", name) for base in dict.fromkeys(_MERGED.findall(text))]
    return []


def _of_header(header: Mapping[str, str]) -> list[Claim]:
    """Return the origins that a header names.

    Source:
        ggml, `docs/gguf.md`, "General metadata".
    """
    claims = [Claim(header["base_model"], None, "safetensors header")] if header.get("base_model") else []
    count = header.get("general.base_model.count", "0")
    for at in range(min(int(count), 32) if count.isdecimal() and len(count) < 6 else 0):
        at_key = f"general.base_model.{at}"
        url = header.get(f"{at_key}.repo_url", "")
        repository = "/".join(url.rstrip("/").rsplit("/", 2)[-2:]) if url.count("/") >= 4 else ""
        if base := repository or header.get(f"{at_key}.name", ""):
            claims.append(Claim(base, None if count == "1" else "merge", "GGUF header"))
    return claims


def _of_config(config: dict[str, object]) -> list[Claim]:
    """Return the folder or repository that the weights were loaded from before they were saved here."""
    origin = config.get("_name_or_path")
    if isinstance(origin, str) and _MODEL_NAME.fullmatch(origin):
        return [Claim(origin, None, "config.json")]
    return []


def _name(facts: Facts, header: Mapping[str, str], path: Path) -> str:
    said = next(iter(facts.get("model_name", ())), "") or header.get("general.name", "")
    return said or (path.resolve().name if path.is_dir() else path.stem)


def _relation(
    claims: tuple[Claim, ...], facts: Facts, config: dict[str, object], is_adapter: bool, header: Mapping[str, str]
) -> Relation:
    tags = {tag.lower() for tag in facts.get("tags", ())}
    said = next((claim.relation for claim in claims if claim.relation and claim.source == "README.md"), None)
    if is_adapter or "lora" in tags:
        return "adapter"
    if said:
        return said
    is_merge = any(claim.relation == "merge" for claim in claims) or {"merge", "mergekit"} & tags
    if is_merge or len({claim.base for claim in claims if claim.source == "README.md"}) > 1:
        return "merge"
    is_gguf = any(key.startswith("general.") for key in header)
    if claims and ("quantization_config" in config or is_gguf or {"quantized", "gguf", "awq", "gptq"} & tags):
        return "quantisation"
    return "fine-tune" if claims else "base"
