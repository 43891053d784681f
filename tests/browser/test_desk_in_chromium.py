"""The desk in a real browser."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from patience import PATIENCE_SECONDS

ASK = """
async (text) => {
  const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: text }] });
  const response = await fetch("/v1/chat/completions", { method: "POST", headers: { "content-type": "application/json" }, body });
  return response.headers.get("x-leeward-decision-id");
}
"""  # noqa: E501 - a script for the browser


def _ask(page: Page, text: str) -> str:
    told: str = page.evaluate(ASK, text)
    return told


def test_a_new_decision_appears_without_a_reload(page):
    page.goto("/desk")

    decision_id = _ask(page, "What is a spinnaker?")

    expect(page.locator(f'a[href="/desk/decisions/{decision_id}"]')).to_be_visible()


def test_a_list_that_is_paused_is_not_renewed_until_it_goes_on(page):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/desk/live" in request.url else None)
    page.clock.install()
    page.goto("/desk")
    pause = page.get_by_role("button", name="Pause")

    pause.click()
    before = len(asked)
    page.clock.run_for(20_000)
    while_paused = len(asked) - before
    pause.click()
    with page.expect_request("**/desk/live*"):
        page.clock.run_for(20_000)

    assert while_paused == 0


def test_without_scripts_the_desk_works_by_reloading(browser: Browser, demo):
    context = browser.new_context(base_url=demo.url, java_script_enabled=False)
    context.set_default_timeout(1_000 * PATIENCE_SECONDS)
    page = context.new_page()
    before = page.request.post(
        "/v1/chat/completions", data={"model": "m", "messages": [{"role": "user", "content": "What is a keel?"}]}
    )
    decision_id = before.headers["x-leeward-decision-id"]
    page.goto("/desk")
    page.get_by_label("Disposition").select_option("pass")
    page.get_by_role("button", name="Show").click()

    expect(page.locator(f'a[href="/desk/decisions/{decision_id}"]')).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    context.close()
