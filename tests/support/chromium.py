"""Finds and starts the Chromium installed on this machine; Playwright's own is never downloaded."""

import shutil

from playwright.sync_api import Browser, Playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--no-sandbox",  # containers run it as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # it would contact its vendor's hosts at every start
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """Return the browser's path, or None."""
    return next((path for path in map(shutil.which, _NAMES) if path), None)


def launch_chromium(playwright: Playwright) -> Browser:
    """Start it headless. Raises RuntimeError if it isn't installed."""
    path = find_chromium()
    if path is None:
        raise RuntimeError("no Chromium is installed; on Debian `apt-get install chromium` brings one")
    return playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
