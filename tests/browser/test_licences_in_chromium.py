"""The registry of derivatives in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from model_folders import LARGE, MRL_TEXT, model

HEAD = f"license: other\nlicense_name: mrl\nbase_model: {LARGE}"


@pytest.fixture(scope="module")
def recorded(demo, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Record two derivatives in the demo's store, one of them without its notice, as an operator would."""
    root = tmp_path_factory.mktemp("models")
    model(root, "ours-13b", HEAD, "A fine-tune.", LICENSE=MRL_TEXT)
    model(root, "ours-13b-GGUF", "license: mit\nbase_model: ours-13b\nbase_model_relation: quantized", "Converted.")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEEWARD_")}
    command = [Path(sys.executable).with_name("leeward"), "licence", "scan", root, "--record", "--by", "ada"]
    done = subprocess.run(command, cwd=demo.log.parent, env=environment, capture_output=True, text=True, check=False)
    assert "Recorded: 2 derivatives" in done.stdout, done.stderr


@pytest.fixture
def plain(browser: Browser, demo, recorded: None) -> Iterator[Page]:
    """A tab without scripts."""
    context = browser.new_context(base_url=demo.url, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_an_entry_is_found_by_filter_and_read_without_scripts(plain: Page):
    plain.goto("/desk")
    plain.get_by_role("link", name="Licences").click()
    plain.get_by_role("combobox", name="State").select_option("noticed")
    plain.get_by_label("Name, origin or path").fill("13b-gguf")
    plain.get_by_role("button", name="Show").click()
    expect(plain.get_by_role("link", name="ours-13b", exact=True)).to_have_count(0)
    plain.get_by_role("link", name="ours-13b-GGUF").click()

    expect(plain.get_by_role("heading", name="ours-13b-GGUF", exact=True)).to_be_visible()
    expect(plain.get_by_role("img", name="Lineage of ours-13b-GGUF")).to_be_visible()
    expect(plain.get_by_text("Notice about the model ours-13b-GGUF")).to_be_visible()
    plain.get_by_text("Français").click()
    expect(plain.get_by_text("Avis concernant le modèle ours-13b-GGUF")).to_be_visible()


def test_the_drawing_leads_to_the_origin(plain: Page):
    plain.goto("/desk/licences")
    plain.get_by_role("link", name="ours-13b-GGUF").click()
    plain.locator(".lineage svg a").click()

    expect(plain.get_by_role("heading", name="ours-13b", exact=True)).to_be_visible()


def test_pages_fit_a_phone(page: Page, recorded: None):
    page.set_viewport_size({"width": 390, "height": 800})
    widths = []
    page.goto("/desk/licences")
    widths.append(page.evaluate("document.documentElement.scrollWidth"))
    page.get_by_role("link", name="ours-13b-GGUF").click()
    expect(page.get_by_role("heading", name="ours-13b-GGUF", exact=True)).to_be_visible()
    widths.append(page.evaluate("document.documentElement.scrollWidth"))

    assert widths == [390, 390]
