"""Writes the list of code rules: `python -m leeward.detectors.code.listing > docs/code-rules.md`."""

from __future__ import annotations

from itertools import groupby

from leeward.detectors.code.rule import CodeRule, read_rule, rule_names

_HEAD = """# Code rules

What `code-scan` looks for (RULE-MIST-002, Code Vulnerability). Each rule is one file under
`src/leeward/detectors/code/rules/`; its good and bad examples are its tests. The confidence is the probability that
a reviewer agrees; a ruleset's threshold decides which findings count. This page is made from the files:
`python -m leeward.detectors.code.listing > docs/code-rules.md`.
"""
_NAMES = {"c": "C and C++", "cpp": "C++ only", "csharp": "C#", "javascript": "JavaScript and TypeScript", "php": "PHP"}


def listing() -> str:
    """Return the page as Markdown: one table for each language."""
    parts = [_HEAD]
    for folder, names in groupby(rule_names(), key=lambda name: name.partition("/")[0]):
        rules = [read_rule(name) for name in names]
        parts.append(f"## {_NAMES.get(folder, folder.capitalize())}\n")
        parts.append("| rule | CWE | severity | confidence | what it says | source |\n|---|---|---|---|---|---|")
        parts.extend(_row(rule) for rule in rules)
        parts.append("")
    return "\n".join(parts)


def _row(rule: CodeRule) -> str:
    link = f"[{rule.cwe}](https://cwe.mitre.org/data/definitions/{rule.cwe}.html)"
    cells = (f"`{rule.id}`", link, rule.severity, f"{rule.confidence:.2f}", rule.message, rule.source)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(listing(), end="")
