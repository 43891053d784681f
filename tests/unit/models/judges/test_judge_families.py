from __future__ import annotations

import pytest

from leeward.errors import SettingsError
from leeward.models.judges.families import FAMILIES, family_called
from leeward.models.judges.wording import DOES, criterion, question


def test_a_family_is_found_by_the_name_it_bears() -> None:
    assert [family_called(name).name for name in FAMILIES] == list(FAMILIES)


def test_an_unknown_family_is_refused_with_the_nearest_and_all_others() -> None:
    with pytest.raises(SettingsError, match="did you mean 'llama-guard-3'") as refused:
        family_called("llama-guard3")

    assert "shieldstral" in refused.value.remedy


def test_a_family_without_a_written_form_is_refused_in_it() -> None:
    with pytest.raises(SettingsError, match="no family with a completion form is called 'shieldstral'"):
        family_called("shieldstral", "completion")


@pytest.mark.parametrize("hazard", DOES)
def test_every_hazard_is_asked_about_in_one_yes_or_no_question(hazard: str) -> None:
    assert question(hazard).startswith("Does this content ")
    assert question(hazard).count("?") == 1
    assert criterion(hazard).endswith(f"{DOES[hazard]}.")
