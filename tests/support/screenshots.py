"""`python -m tests.support.screenshots URL FOLDER`: pictures of every page, light and dark, wide and narrow.

URL: a service that tests/support/seed.py has filled. Pictures too large are stored with a palette of 256 colours.
"""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.chromium import launch_chromium
from tests.support.seed import PASSWORD

SIZES = {"wide": (1280, 860), "phone": (390, 844)}
PAGES = {
    "dashboard": "/dashboard",
    "jobs": "/jobs",
    "job": "/jobs?status=succeeded",
    "review": "/review",
    "models": "/models",
    "model": "/models/champion",
    "compare": "/models/compare?version=1&version=2",
    "training": "/training",
    "run": "/training",
    "drift": "/drift",
    "try": "/try",
    "access": "/access",
    "audit": "/audit",
    "start": "/",
    "api": "/docs",
    "errors": "/docs/errors",
    "grid": "/review/grid?emotion=happy",
    "disagreements": "/review/disagreements",
    "guidelines": "/review/guidelines",
    "progress": "/review/progress",
    "webhooks": "/webhooks",
    "account": "/account",
    "not-found": "/nothing-is-here",
}
_CHOICES = {"job": "tr:has(.faces a:nth-child(3)) .name a", "run": "table.rows tbody a"}
"""What is opened from a list: a job with three faces, and the newest run."""
_MOST_HEIGHT = 2200
"""Taller pages are cut off here, in pixels."""
Scheme = Literal["light", "dark"]

_MOST_BYTES = 140_000
_EXACT_COLOURS = 112


@contextmanager
def open_page(browser: Browser, url: str, size: str, scheme: Scheme) -> Iterator[Page]:
    """A page of somebody who isn't signed in."""
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=url, viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=size == "phone"
    )
    yield context.new_page()
    context.close()


def sign_in(page: Page, name: str = "ana") -> None:
    """Sign in as one of the seeded people."""
    page.goto("/sign-in")
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("button.primary")
    page.wait_for_url("**/dashboard")


def save(page: Page, path: Path) -> None:
    """Store what the page shows, down to a bounded height."""
    page.evaluate("scrollTo(0, 0)")
    width = page.viewport_size["width"] if page.viewport_size else 0
    height = min(page.evaluate("document.documentElement.scrollHeight"), _MOST_HEIGHT)
    taken = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
    with Image.open(io.BytesIO(taken)) as image:
        picture = image.convert("RGB")
    picture.save(path, optimize=True)
    if path.stat().st_size > _MOST_BYTES:
        reduce_colours(picture).save(path, optimize=True)


def reduce_colours(picture: Image.Image) -> Image.Image:
    """The picture with 256 colours: the commonest as they are, which are those of the page, and the rest for the photos in it."""
    counted: Any = picture.getcolors(picture.width * picture.height) or ()
    # a dot of one colour counts for more than the many greys at the edges of letters
    ranked = sorted(counted, key=lambda found: found[0] * (8 + max(found[1]) - min(found[1])), reverse=True)
    exact = [channel for _, colour in ranked[:_EXACT_COLOURS] for channel in colour]
    others = picture.quantize(256 - _EXACT_COLOURS).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette((exact + others)[: 3 * 256])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def take_all(url: str, folder: Path, only: set[str]) -> None:
    """Go through every page in every form."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        for size in SIZES:
            for scheme in get_args(Scheme):
                with open_page(browser, url, size, scheme) as page:
                    if not only or "sign-in" in only:
                        page.goto("/sign-in")
                        save(page, folder / f"sign-in-{size}-{scheme}.png")
                    sign_in(page)
                    for name, path in PAGES.items():
                        if only and name not in only:
                            continue
                        page.goto(path)
                        if name in {"job", "run"}:
                            page.locator(_CHOICES[name]).first.click()
                        page.wait_for_load_state("networkidle")
                        save(page, folder / f"{name}-{size}-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    take_all(sys.argv[1], Path(sys.argv[2]), set(sys.argv[3:]))
