"""Scripts after an upgrade, the theme before they run, their requests; and style sheets as the browser reads them."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from playwright.sync_api import Page, Route, expect
from werkzeug.serving import make_server

from api.web.static_files import FOLDER, register_static_files

PAGE = """<!doctype html><title>x</title><p id="said"></p>
<script type="module" src="{{ url_for('static', filename='main.js') }}"></script>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.js").write_text(
        'import { word } from "./part.js"; document.getElementById("said").textContent = word;'
    )
    (tmp_path / "part.js").write_text('export const word = "old";')
    return tmp_path


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """Of a page whose script imports another."""
    app = Flask("upgraded", static_folder=None)
    register_static_files(app, folder)
    app.add_url_rule("/", "show", lambda: render_template_string(PAGE))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_browser_requests_scripts_again_only_after_a_change(
    open_page: Callable[..., Page], address: str, folder: Path
) -> None:
    page = open_page()
    said = page.locator("#said")
    page.goto(address)
    expect(said).to_have_text("old")
    sizes = "performance.getEntriesByType('resource').map((each) => [each.name.split('/').pop(), each.transferSize])"
    page.goto(address)
    expect(said).to_have_text("old")
    assert page.evaluate(sizes) == [["main.js", 0], ["part.js", 0]]  # from the browser's cache
    (folder / "part.js").write_text('export const word = "new";')
    page.goto(address)
    expect(said).to_have_text("new")


WATCH = """new MutationObserver(() => {
  if (document.body) window.first ??= document.documentElement.dataset.theme ?? "none";
}).observe(document, { childList: true, subtree: true });"""


def test_the_theme_is_set_before_the_first_paint(visit: Callable[..., Page]) -> None:
    page = visit("vic", color_scheme="light")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.add_init_script(WATCH)
    page.goto("/jobs")
    assert page.evaluate("window.first") == "dark"


ASK = """async ([url, deadlineMs]) => {
  const { send, ServiceError } = await import(document.querySelector("link[rel=modulepreload][href$='http.js']").href);
  const told = { left: false };
  try {
    const answer = await send(url, { method: "POST", deadlineMs, leave: () => { told.left = true; } });
    return { ...told, text: answer.text, status: answer.status };
  } catch (error) {
    const { code, message, status, retryAfter, isFinal } = error;
    return { ...told, isOne: error instanceof ServiceError, code, message, status, retryAfter, isFinal };
  }
}"""
PROBLEM = "application/problem+json; charset=utf-8"


def test_requests_of_scripts_carry_the_token_and_fail_with_one_type_of_error(visit: Callable[..., Page]) -> None:
    page = visit("ben", "/notice")
    tokens, unanswered = list[str | None](), list[Route]()

    def answer(route: Route) -> None:
        tokens.append(route.request.headers.get("x-csrf-token"))
        kind = route.request.url.rpartition("/")[2]
        if kind == "away":
            route.abort()
        elif kind == "slow":
            unanswered.append(route)
        elif kind == "refused":
            body = {"code": "unknown_face", "detail": "There is no such face."}
            route.fulfill(status=404, content_type=PROBLEM, body=json.dumps(body))
        elif kind == "busy":
            body = {"code": "rate_limited", "detail": "too many"}
            route.fulfill(status=429, content_type=PROBLEM, headers={"Retry-After": "7"}, body=json.dumps(body))
        elif kind == "proxy":
            route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>")
        elif kind == "ended":
            route.fulfill(status=401, content_type=PROBLEM, body="{}")
        else:
            route.fulfill(status=200, body="fine")

    page.route("**/answers/*", answer)

    def ask(kind: str) -> dict[str, object]:
        deadline_ms = 300 if kind == "slow" else 15_000
        told: dict[str, object] = page.evaluate(ASK, [f"/answers/{kind}", deadline_ms])
        return told

    assert ask("well") == {"left": False, "text": "fine", "status": 200}
    error = {"left": False, "isOne": True, "retryAfter": None}
    away = error | {"code": "unreachable", "message": "the service can't be reached", "status": 0, "isFinal": False}
    assert ask("away") == away
    assert ask("slow") == away
    refused = error | {"code": "unknown_face", "message": "There is no such face", "status": 404, "isFinal": True}
    assert ask("refused") == refused
    busy = {"code": "rate_limited", "message": "too many", "status": 429, "retryAfter": "7", "isFinal": False}
    assert ask("busy") == error | busy
    proxy = {"code": "http_error", "message": "the service answered 502", "status": 502, "isFinal": False}
    assert ask("proxy") == error | proxy
    ended = ask("ended")
    assert (ended["left"], ended["code"]) == (True, "session_ended")
    assert tokens == [page.locator("body").get_attribute("data-csrf-token")] * 7


SHEETS = """() => {
  const list = (rules) => [...rules].flatMap((rule) =>
    rule.cssRules?.length ? list(rule.cssRules) : rule.style ? [rule.selectorText] : []);
  return [...document.styleSheets].map((sheet) => [sheet.href.split("/").pop(), list(sheet.cssRules)]);
}"""
DROPPED = """(declarations) => declarations.filter(([name, value]) => !CSS.supports(name, value))"""


def test_the_browser_understands_every_declaration_of_the_style_sheets(visit: Callable[..., Page]) -> None:
    page = visit("vic", "/docs")
    understood = dict(page.evaluate(SHEETS))
    for path in sorted((FOLDER / "pages").glob("*.css")):
        source = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        blocks = re.findall(r"\{([^{}]*)\}", source)  # the innermost: each is a rule with its declarations
        rules = understood[path.name]
        assert len(blocks) == len(rules), f"{path.name}: a selector isn't understood"
        for block, selector in zip(blocks, rules, strict=True):
            declarations = re.findall(r"^\s*([\w-]+):\s*([^;]+?)(?: !important)?;", block, re.MULTILINE)
            dropped = page.evaluate(DROPPED, declarations)
            assert dropped == [], f"{path.name}: {selector}"
