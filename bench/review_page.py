"""How long the server works for a reviewer with a million faces stored, from request to answer, in milliseconds.

`python -m bench.review_page [--faces 1000000]` fills SQLite in a temporary folder, which takes minutes, and asks the application
itself for the page, for the answer to a vote with the next card, and for the other pages that look at many rows.
"""

import argparse
import json
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

from flask.testing import FlaskClient

from api.app import create_app
from api.sessions import COOKIE
from bench.review_queue import fill
from db import sign_in, users
from db.session import Database
from db.vocabulary import Role
from emoscope.settings import Settings

_TRIES = 100
_SLOW_TRIES = 5


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate({"data_dir": Path(folder), "log_level": "ERROR"})
        database = Database(settings.effective_database_url)
        fill(database, arguments.faces)
        client = create_app(settings).test_client()
        proof = _sign_in(database, client)
        figures = {"review page": _measure(lambda: client.get("/review").text, _TRIES)}
        figures["vote, with the next card"] = _measure(_Voter(client, proof).vote, _TRIES)
        for path in ("/review/statistics", "/jobs", "/dashboard", "/drift"):
            figures[path] = _measure(lambda path=path: client.get(path).text, _SLOW_TRIES)  # type: ignore[misc]
        print(json.dumps({"faces": arguments.faces, "milliseconds": figures}, indent=2))
        database.close()


class _Voter:
    """Votes as the page's script does, with the cards on screen."""

    def __init__(self, client: FlaskClient, proof: str) -> None:
        self._client, self._proof = client, proof
        self._cards = _list_cards(client.get("/review").text)

    def vote(self) -> str:
        first, *self._cards = self._cards
        fields = {"csrf_token": self._proof, "face_id": first, "verdict": "happy", "shown": self._cards}
        text = self._client.post("/review/votes", data={**fields, "fragment": "yes"}).text
        self._cards += _list_cards(text)
        return text


def _list_cards(text: str) -> list[str]:
    return re.findall(r'data-face="([0-9a-f-]+)"', text)


def _sign_in(database: Database, client: FlaskClient) -> str:
    with database.write() as session:
        user = users.create_user(session, "bench", users.hash_password("correct horse battery"), Role.REVIEWER, "bench")
        client.set_cookie(COOKIE, sign_in.open_session(session, user, LIFETIME_S))
    found = re.search(r'name="csrf_token" value="(\w+)"', client.get("/models").text)
    assert found is not None
    return found[1]


def _measure(work: Callable[[], str], tries: int) -> dict[str, float]:
    times = []
    for _ in range(tries):
        started = time.perf_counter()
        assert work()
        times.append((time.perf_counter() - started) * 1000)
    return {
        "median": round(median(times), 1),
        "p95": round(quantiles(times, n=20, method="inclusive")[18], 1),
        "most": round(max(times), 1),
    }


if __name__ == "__main__":
    main()
