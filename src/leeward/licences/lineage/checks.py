"""What a model's folder lacks, or says wrongly, by the licences of what it was made from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import msgspec

from leeward.licences.lineage.artefact import Artefact
from leeward.licences.lineage.graph import Graph, Node
from leeward.licences.lineage.licence_names import are_same, flattened
from leeward.licences.registry import Licence, Registry

Code: TypeAlias = Literal[
    "licence-unknown", "licence-conflict", "licence-not-that-of-the-file", "licences-incompatible",
    "licence-copy-missing", "notice-missing", "changes-not-stated", "name-required", "attribution-required",
    "endorsement-claimed", "base-unknown", "base-undeclared", "origin-loop", "undeclared-derivative", "unreadable",
]  # fmt: skip

_GIVE_COPY: Final = frozenset(
    {"give_recipient_copy_of_agreement", "include_licence_text_on_redistribution", "licence_link",
     "retain_permission_notice_in_all_copies"}
)  # fmt: skip
_GIVE_NOTICE: Final = frozenset({"ship_notice_file", "retain_attribution_notice"})
_STATE_CHANGES: Final = frozenset(
    {"prominent_modification_notice", "state_changes_on_modified_files", "indicate_changes"}
)
_CHANGE_WORDS: Final = re.compile(
    r"\b(?:fine-?tun|quanti[sz]|merg|modif|adapt|lora\b|chang|derived|derivative|converted|pruned|distill"
    r"|trained (?:on|from))",
    re.IGNORECASE,
)
_ENDORSED: Final = re.compile(
    r"\b(?:official(?:ly)?|endorsed|approved|certified|sponsored)\b(?:\W+\w+){0,4}\W+"
    r"(?:mistral(?: ai)?|meta|google|alibaba|qwen|microsoft|deepseek|openai)\b",
    re.IGNORECASE,
)
_NOT: Final = re.compile(r"\b(?:not|no|nor|neither|un\w+|isn't|without)\b[^.]{0,40}$", re.IGNORECASE)


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to put right.

    Attributes:
        code: What kind of thing.
        model: Name in the graph.
        remedy: What to do.
        licence: Id of the licence that asks for it; empty when none does.
        about: Name of the other model that it is about; empty when none is.
    """

    code: Code
    model: str
    path: str
    message: str
    remedy: str
    licence: str = ""
    about: str = ""


def check(graph: Graph, registry: Registry) -> Iterator[Finding]:
    """Yield what is wrong with the models that lie on disk."""
    for node in graph.nodes.values():
        if node.artefact is not None:
            yield from _check(node, node.artefact, graph, registry)


def _check(node: Node, artefact: Artefact, graph: Graph, registry: Registry) -> Iterator[Finding]:
    for name, why in artefact.unreadable.items():
        yield _finding("unreadable", node, f"{name}: {why}", "Fetch the file again, or leave it out of the model")
    if node.name in graph.loops:
        yield _finding(
            "origin-loop", node, "it is said to be made from itself", "Name the model that it was really made from"
        )
    yield from _check_licence(node, artefact, graph, registry)
    yield from _check_origin(node, artefact, graph)
    if node.binding is not None:
        yield from _check_papers(node, artefact, node.binding)


def _check_licence(node: Node, artefact: Artefact, graph: Graph, registry: Registry) -> Iterator[Finding]:
    binding = node.binding
    if binding is None and not artefact.licence_words:
        yield _finding(
            "licence-unknown",
            node,
            "neither the files nor the registry tell its licence",
            "Find the licence, and write `license:` and `base_model:` at the head of README.md",
        )
        return
    if binding is not None and _loosens(artefact, binding):
        said = artefact.licence or ", ".join(artefact.licence_words)
        yield _finding(
            "licence-conflict",
            node,
            f"it is offered under {said}, but {_why_bound(node, graph, binding)} {binding.id}: {binding.summary}",
            f"Offer it under {binding.id}, or take it back",
            binding,
        )
    found = artefact.licence_of_files
    if found and artefact.licence and not are_same(found, artefact.licence):
        yield _finding(
            "licence-not-that-of-the-file",
            node,
            f"the card says {artefact.licence}, and the licence file is {found}",
            "Make both say the same; the terms of the base decide which",
        )
    strict = {
        parent: licence
        for parent in node.parents
        if (licence := graph.nodes[parent].binding) is not None and licence.strictness > 0
    }
    ids = list(dict.fromkeys(licence.id for licence in strict.values()))
    if any(not are_same(ids[0], other) for other in ids[1:]):
        told = ", ".join(f"{parent} ({licence.id})" for parent, licence in strict.items())
        yield _finding(
            "licences-incompatible",
            node,
            f"its origins fall under terms that each want to bind the whole: {told}",
            "Leave one of them out, or get a separate licence from a licensor",
            registry.licences[ids[0]],
        )


def _loosens(artefact: Artefact, binding: Licence) -> bool:
    """Whether an artefact is offered under other terms than those that come with it; permissive ones allow that."""
    if binding.strictness == 0 or not artefact.licence_words:
        return False
    offered = artefact.licence or artefact.licence_of_files
    return not (offered and are_same(offered, binding.id))


def _why_bound(node: Node, graph: Graph, binding: Licence) -> str:
    parents = [p for p in node.parents if (found := graph.nodes[p].binding) and found.id == binding.id]
    return f"{parents[0]} brings" if parents else "its name stands for"


def _check_origin(node: Node, artefact: Artefact, graph: Graph) -> Iterator[Finding]:
    for parent in node.parents:
        origin = graph.nodes[parent]
        if origin.artefact is None and origin.own is None:
            yield _finding(
                "base-unknown",
                node,
                f"the registry does not know {parent}, which it was made from",
                "Read the licence of that model; scan its folder together with this one",
                about=parent,
            )
    edges = [edge for edge in graph.edges if edge.child == node.name]
    hidden = [edge for edge in edges if artefact.has_card and "README.md" not in edge.sources]
    for edge in hidden:
        yield _finding(
            "base-undeclared",
            node,
            f"{edge.sources[0]} says that it comes from {edge.parent}, and the card does not",
            f"Write `base_model: {edge.parent}` at the head of README.md",
            about=edge.parent,
        )
    if not edges and artefact.relation == "adapter":
        yield _finding(
            "base-undeclared", node, "an adapter of nothing named", "Name its base in adapter_config.json and the card"
        )
    if not edges and node.own is not None and not node.is_row:
        yield _finding(
            "base-undeclared",
            node,
            f"its name is that of a model under {node.own.id}, and no file says what it was made from",
            "Write `base_model:` at the head of README.md",
            node.own,
        )


def _check_papers(node: Node, artefact: Artefact, licence: Licence) -> Iterator[Finding]:
    asked = set(licence.obligations)
    is_derivative = bool(node.parents)
    texts = [*artefact.licence_files.values(), *artefact.notice_files.values(), artefact.card]
    everything = flattened(" ".join(texts))
    if asked & _GIVE_COPY and not artefact.licence_files:
        remedy = f"Put the text of {licence.name} beside the weights: {licence.url}"
        yield _finding("licence-copy-missing", node, f"{licence.id} wants its text to go with copies", remedy, licence)
    if asked & _GIVE_NOTICE and licence.notice_text and not _holds(everything, licence.notice_text):
        yield _finding(
            "notice-missing",
            node,
            f"{licence.id} wants this notice to go with copies: {licence.notice_text}",
            "Put it into a file NOTICE beside the weights",
            licence,
        )
    if is_derivative and asked & _STATE_CHANGES and not _says_changed(artefact, asked):
        yield _finding(
            "changes-not-stated",
            node,
            f"{licence.id} wants it said that the model was changed",
            "Say in README.md or NOTICE what was changed",
            licence,
        )
    yield from _check_names(node, artefact, licence, is_derivative, everything)


def _says_changed(artefact: Artefact, asked: set[str]) -> bool:
    """Whether a reader is told; the head of a card is enough, unless the licence wants it prominent."""
    if "prominent_modification_notice" not in asked and any(c.source == "README.md" for c in artefact.claims):
        return True
    return any(_CHANGE_WORDS.search(text) for text in (artefact.card, *artefact.notice_files.values()))


def _check_names(
    node: Node, artefact: Artefact, licence: Licence, is_derivative: bool, everything: str
) -> Iterator[Finding]:
    name = artefact.name.rsplit("/", 1)[-1]
    is_llama = name.lower().startswith("llama")
    if is_derivative and "derivative_name_begins_with_llama" in licence.obligations and not is_llama:
        yield _finding(
            "name-required",
            node,
            f"{licence.id} wants names of derivatives to begin with Llama",
            f"Call it Llama-{name}",
            licence,
        )
    if (
        is_derivative
        and "built_with_llama_notice" in licence.obligations
        and not re.search(r"built with (?:meta )?llama", everything)
    ):
        yield _finding(
            "attribution-required",
            node,
            f"{licence.id} wants `Built with Llama` to be shown",
            "Say so in README.md",
            licence,
        )
    if is_derivative and (claimed := _endorsement(artefact.card)):
        yield _finding(
            "endorsement-claimed",
            node,
            f"the card claims the licensor's blessing: {claimed}",
            "Name the licensor only to say where the model comes from",
            licence,
        )


def _endorsement(card: str) -> str:
    for found in _ENDORSED.finditer(card):
        if not _NOT.search(card[max(0, found.start() - 60) : found.start()]):
            return " ".join(found[0].split())
    return ""


def _holds(flat: str, notice: str) -> bool:
    """Whether a text holds the words of a notice, whatever stands between quotes and lines."""
    return _bare(notice) in _bare(flat)


def _bare(text: str) -> str:
    return " ".join(re.findall(r"[\w©]+", text.lower()))


def _finding(
    code: Code, node: Node, message: str, remedy: str, licence: Licence | None = None, *, about: str = ""
) -> Finding:
    return Finding(
        code=code,
        model=node.name,
        path=str(node.artefact.path) if node.artefact else "",
        message=message,
        remedy=remedy,
        licence=licence.id if licence else "",
        about=about,
    )
