from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.licences.lineage.front_matter import front_matter

CARD = """---
license: other   # see below
license_name: "mrl"
base_model:
- org/one
- 'org/two'
tags: [merge, "gguf"]
description: >
  first
  # second
model-index:
- name: x
  results:
      - task: deep
datasets: null
---
# Title
text
"""


def test_facts_are_read_as_cards_write_them() -> None:
    facts, rest = front_matter(CARD)

    assert facts["license"] == ["other"]
    assert facts["license_name"] == ["mrl"]
    assert facts["base_model"] == ["org/one", "org/two"]
    assert facts["tags"] == ["merge", "gguf"]
    assert facts["description"] == ["first # second"]
    assert facts["datasets"] == []
    assert rest == "# Title\ntext"


@pytest.mark.parametrize("text", ["", "# only a title", "---\nlicense: mit\nno end", "text\n---\nlicense: mit\n---\n"])
def test_a_card_without_a_head_has_no_facts(text: str) -> None:
    assert front_matter(text) == ({}, text)


def test_a_list_may_be_indented_or_not() -> None:
    assert front_matter("---\nbase_model:\n    - a/b\n    - c/d\n---\n")[0] == {"base_model": ["a/b", "c/d"]}


@given(st.text(max_size=300))
def test_any_text_gives_texts(text: str) -> None:
    facts, _ = front_matter(f"---\n{text}\n---\n")

    assert all(isinstance(value, str) for values in facts.values() for value in values)
