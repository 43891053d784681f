"""Writes the model card, the coverage table and the counts of the data card from what the steps before measured."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[0] / "front"), str(HERE.parents[0])]
import manifest  # noqa: E402
from grown import FOLDER, entries_of, fold_at  # noqa: E402

NOT_MEASURED = "*not measured*"
VARIETIES = {
    "aae": "`aae` African American English", "ary": "`ary` Moroccan Arabic", "gsw": "`gsw` Swiss German",
    "hi-Latn": "`hi-Latn` Hindi in Latin letters",
}  # fmt: skip
SECTIONS = (
    "groups", "frames", "hate", "request", "selfharm", "malware", "exchange", "ordinary", "replies", "refusals",
    "frames2", "hate2", "stereotype", "request2", "selfharm2", "malware2", "ordinary2",
    "hate3", "ordinary3", "replies3",
)  # fmt: skip
# Titles of the tables that a measuring step prints, and the headings under which they stand in the card.
TABLES = (
    ("evaluate", "Rules", "Rules, English and other languages"),
    ("evaluate", "Families", "Families of texts, by language"),
    ("evaluate", "Posts (RULE-MIST-001)", "Posts, by source"),
    ("evaluate", "Requests for malware", "Requests for malware"),
    ("left_out", "Sources left out", "Sources left out of training"),
    ("adversarial", "Disguised text", "Disguised text"),
    ("bias", "Groups (dev frames)", "Groups, in frames that were never trained on"),
    ("bias", "Groups (cal frames)", "Groups, in the frames that calibrated"),
    ("bias", "Groups by language (dev frames)", "Groups, by language"),
    ("bias", "Varieties", "Varieties of a language"),
    ("leaks", "Leaks", "Texts that stand in two folds"),
)
COLUMNS = ("language", "harmful n", "harmless n", "recall %", "precision %", "false alarms %")
_PROGRESS = re.compile(r"^.*(?:\r|texts scored$)", re.MULTILINE)
_TITLE = re.compile(r"^### (.+)$", re.MULTILINE)


def tables_of(printed: str) -> dict[str, str]:
    """Return what a step printed, by the title above it; what stands before the first title is left out."""
    parts = _TITLE.split(_PROGRESS.sub("", printed))
    return {title.strip(): body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def found_in(work: Path) -> dict[str, dict[str, str]]:
    """Return the tables of each step whose output lies in `work`."""
    return {
        step: tables_of(path.read_text(encoding="utf-8"))
        for step in dict.fromkeys(step for step, _, _ in TABLES)
        if (path := work / f"{step}.md").exists()
    }


def measured_tables(found: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield heading and table of each measure, `NOT_MEASURED` where there is none."""
    for step, title, heading in TABLES:
        body = next((text for name, text in found.get(step, {}).items() if name.startswith(title)), "")
        yield f"### {heading}\n\n{body or NOT_MEASURED}\n"


def model_card(work: Path) -> str:
    """Return the model card."""
    known = manifest.read()
    lines = "\n".join(f"| {cell(what)} | {cell(licence)} |" for what, licence in manifest.attributions(known))
    card = (HERE / "model-card.md").read_text(encoding="utf-8")
    return card.replace("{{measured}}", "\n".join(measured_tables(found_in(work)))).replace("{{sources}}", lines)


def cell(text: str) -> str:
    """Return `text` fit for a cell of a table."""
    return text.replace("|", "\\|")


def coverage(found: Mapping[str, Mapping[str, str]]) -> str:
    """Return recall, precision and false alarms by rule and language, a table for each rule."""
    body = found.get("evaluate", {}).get("Languages", "")
    rows = [[part.strip() for part in line.strip("| ").split(" | ")] for line in body.splitlines()[2:]]
    if not rows:
        return f"{NOT_MEASURED}\n"
    by_rule: dict[str, list[Sequence[str]]] = {}
    for rule, *rest in rows:
        by_rule.setdefault(rule, []).append(rest)
    parts = []
    for rule, lines in by_rule.items():
        parts.append(f"**{rule}**\n")
        if all(line[3] == "not measured" for line in lines):
            parts.append("Not measured in any language: fewer than 15 harmful or harmless texts in each.\n")
            continue
        parts.append(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n")
    return "\n".join(parts)


def corpus() -> str:
    """Return how many lines each file of the grown corpus has, by section, and how they are split."""
    lines = [f"| language | {' | '.join(SECTIONS)} | lines | texts |\n|{'---|' * (len(SECTIONS) + 3)}"]
    folds: Counter[str] = Counter()
    for path in sorted(FOLDER.glob("*.txt")):
        entries = entries_of(path)
        count = Counter(section for section, _, _ in entries)
        texts = sum(
            len(line.split("||")) * (count["groups"] if section.startswith("frames") else 1)
            for section, _, line in entries
            if section != "groups"
        )
        folds.update(fold_at(section, place) for section, place, _ in entries if section != "groups")
        shown = " | ".join(str(count[name] or "–") for name in SECTIONS)
        name = VARIETIES.get(path.stem, f"`{path.stem}`")
        lines.append(f"| {name} | {shown} | {len(entries)} | {texts} |")
    split = ", ".join(f"{fold} {folds[fold]}" for fold in ("train", "cal", "dev"))
    said = f"Entries by fold: {split}. A text is one side of an entry; a frame gives one for each group."
    return "\n".join(lines) + f"\n\n{said}\n"


def put_between(page: str, mark: str, text: str) -> str:
    """Return `page` with `text` between its markers; both are added at the end where they are missing.

    Raises:
        ValueError: If only one of the markers stands there.
    """
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    if (begin in page) != (end in page):
        raise ValueError(f"one of the markers {begin} and {end} is missing")
    if begin not in page:
        page = f"{page.rstrip()}\n\n{begin}\n{end}\n"
    head, _, rest = page.partition(begin)
    return f"{head}{begin}\n\n{text}\n{end}{rest.partition(end)[2]}"


def main() -> None:
    """Write `model-card.md`, and the marked parts of `languages.md` and `data-card.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder with what the measuring steps printed")
    parser.add_argument("--docs", type=Path, default=HERE.parents[1] / "docs")
    arguments = parser.parse_args()
    arguments.docs.mkdir(parents=True, exist_ok=True)
    (arguments.docs / "model-card.md").write_text(model_card(arguments.work), encoding="utf-8")
    parts = (("languages.md", "coverage", coverage(found_in(arguments.work))), ("data-card.md", "counts", corpus()))
    for name, mark, text in parts:
        path = arguments.docs / name
        page = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(put_between(page, mark, text), encoding="utf-8")
    lacking = [step for step in dict.fromkeys(step for step, _, _ in TABLES) if step not in found_in(arguments.work)]
    print(f"cards written; not measured: {', '.join(lacking) or 'nothing'}")


if __name__ == "__main__":
    main()
