"""Finds and starts the Chromium that is installed on this machine; Playwright's own is never downloaded."""

import shutil

from playwright.sync_api import Browser, Playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--no-sandbox",  # containers run it as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # it would look up its maker's hosts at every start
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """Path of the browser, or None where there is none."""
    return next((path for path in map(shutil.which, _NAMES) if path), None)


def launch_chromium(playwright: Playwright) -> Browser:
    """Start it without a window. Raises RuntimeError where there is none."""
    path = find_chromium()
    if path is None:
        raise RuntimeError("no Chromium is installed; on Debian `apt-get install chromium` brings one")
    return playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
