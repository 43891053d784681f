"""Writes the list of regions: `python -m leeward.policy.regional_listing > docs/regions.md`."""

from __future__ import annotations

from itertools import groupby

from leeward.policy.regional import RegionRow, region_rows

_HEAD = """# Regions

What is punishable in Berlin may be lawful in Boston, and an insult in Chennai may mean nothing in Lyon. The ten rules
hold everywhere; a **region** adds to RULE-MIST-001 what one country's law or culture treats otherwise. No region
counts until it is chosen:

```toml
name = "acme-de"
version = "1.0.0"
extends = "mistral-v1"
regions = ["de", "at"]

[[attach]]
tenants = ["acme"]
```

So each tenant has its own regions. `[rules] regions = ["de"]` in `leeward.toml` chooses them for every tenant without
a ruleset of its own; `Guard(regions=("de",))` does in the library, `leeward check --region de TEXT` on the command
line. `leeward ruleset regions` prints the tables below.

- **A finding names its entry**: hazard `region.de.holocaust-denial`, with the law in its message. An entry can be
  relaxed, or tightened, by that name: `[relax.RULE-MIST-001]` with `hazards = ["region.de.expulsion-slogans"]`,
  `dry_run = true` and a reason.
- **Context excuses.** Lessons, history, news, counter-speech and law near the match withdraw it, in each entry's
  languages. Excuses are terms within 120 characters, so a denier who writes like a teacher passes here; the
  classifier still looks at the text.
- **Some entries are not enforced by their region**, because they protect offices or beliefs from criticism, or
  because a text alone does not show what the law asks for. They are enforced only where a ruleset names them:
  `region_opt_in = ["th.lese-majeste"]`. Where nobody names them they are not recorded either: a record that somebody
  insulted a king would itself be a danger.
- **Slurs are not spelled out** in this repository. They stand as marks (CRC-32 and salted SHA-256,
  `leeward.detectors.word_marks`), and come only from openly licensed lexicons: the *List of Dirty, Naughty, Obscene,
  and Otherwise Bad Words* (CC BY 4.0, its contributors) and *cuss* 2.2.0 (MIT, Titus Wormer). A mark spares readers
  the word; it is no secret. No open lexicon holds caste slurs, or the ethnic slurs of most languages: these are left
  out.
- **Lists are short and plain.** They find blunt wording in the languages shown by their examples. They were written
  without native review and their precision was not measured on a labelled set, so each finding claims 0.8.
- **This is no legal advice, and a lawyer should confirm the citations before a deployment relies on them.** In
  November 2026 they were confirmed against published texts (statutes, judgments, or pages that quote them), some of
  them older versions or second-hand. Not so confirmed, and resting on general knowledge: the section of Israel's law,
  the entries named in the Anti-Defamation League's database, what the Korean report says of migrants, whether
  Belgium's new code and the Dutch bill came into force, what Indonesia's new code leaves of the penalty of 2008, and
  the notes on Austrian greetings and Northern Ireland. Laws change.

A region is one file, `src/leeward/policy/regions/<code>.toml`; the texts under `matches` and `passes` are its tests.
What regions share stands in `src/leeward/policy/region_lists/`. This page is made from the files: `python -m
leeward.policy.regional_listing > docs/regions.md`.
"""


def listing() -> str:
    """Return the page as Markdown: one table for each region."""
    parts = [_HEAD]
    for name, rows in groupby(region_rows(), key=lambda row: f"{row.name} (`{row.region}`)"):
        parts.append(f"## {name}\n")
        parts.append("| entry | what | enforced | source | note |\n|---|---|---|---|---|")
        parts.extend(_row(row) for row in rows)
        parts.append("")
    return "\n".join(parts)


def _row(row: RegionRow) -> str:
    cells = (
        f"`{row.entry}`",
        f"{row.title} ({row.hazard})",
        "yes" if row.enforce else "when named",
        row.source,
        row.note,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(listing(), end="")
