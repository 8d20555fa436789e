"""The pages' own files, under an address that changes with their content, so that browsers keep them and are never behind.

The version stands in the path before the file's name. What a script imports by `./name.js` therefore has the same version as the
script, and no list of names is needed (docs/decisions/0505-scripts-are-modules-checked-by-deno.md).
"""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, g, send_from_directory

from api.web.emotion_colours import FILE_NAME, write_style_sheet

FOLDER = Path(__file__).parents[1] / "static"
ENDPOINT = "static"

_A_YEAR_S = 365 * 24 * 3600
_DIGITS = 12
"""Of the version; 48 bits, so that two contents won't meet by chance."""


def register_static_files(app: Flask, folder: Path = FOLDER) -> None:
    """Serve the files of `folder`. `url_for("static", filename=...)` gives an address with the present version."""

    def send_static_file(version: str, filename: str) -> Response:
        if filename == FILE_NAME:
            response = Response(write_style_sheet(), mimetype="text/css")
        else:
            response = send_from_directory(folder, filename)
        return keep_by_version(response, is_known=version == find_version(folder))

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, object]) -> None:
        if endpoint == ENDPOINT and "version" not in values:
            if "static_version" not in g:
                g.static_version = find_version(folder)
            values["version"] = g.static_version

    app.add_url_rule("/static/<version>/<path:filename>", ENDPOINT, send_static_file)


def keep_by_version(response: Response, *, is_known: bool) -> Response:
    """Let caches keep a file for good, if its address has the version that it is.

    Another version is asked for while a service is upgraded: by a page that another process has drawn. The file at hand is better
    than none, but no cache may keep it at this address.
    """
    if is_known:
        response.cache_control.no_cache = None
        response.cache_control.public = True
        response.cache_control.max_age = _A_YEAR_S
        response.cache_control.immutable = True
    else:
        response.headers["Cache-Control"] = "no-store"
    return response


def find_version(folder: Path) -> str:
    """Return the version of the files: a digest of their names and contents.

    They are read again when one has changed, so that an edit is seen at once, and no version ever stands for other files.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return _hash_files(folder, tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in paths))


@lru_cache(maxsize=2)
def _hash_files(folder: Path, files: tuple[tuple[Path, int, int], ...]) -> str:
    digest = sha256(write_style_sheet().encode())
    for path, _, _ in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)} {len(content)} ".encode() + content)
    return digest.hexdigest()[:_DIGITS]
