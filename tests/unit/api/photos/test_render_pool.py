import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.photos import annotate, render_pool
from tests.support.waiting import wait_until


def test_pictures_are_drawn_two_at_once_and_others_are_told_to_come_again(
    client: FlaskClient, submit: Callable[..., str], worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submit()
    worker.analyze(job_id, worker.see())
    monkeypatch.setattr(render_pool, "_LONGEST_WAIT_S", 0.2)
    let_go, threads = threading.Event(), []

    def draw_for_long(*given: Any) -> bytes:
        threads.append(threading.current_thread().name)
        let_go.wait(20)
        return annotate.draw_labels(*given)

    monkeypatch.setattr(render_pool, "draw_labels", draw_for_long)
    url = f"/v1/jobs/{job_id}/annotated"
    with ThreadPoolExecutor(2) as pool:
        drawn = [pool.submit(client.get, url) for _ in range(2)]
        wait_until(lambda: len(threads) == 2, "two drawn", 20)
        refused = client.get(url)
        let_go.set()
        assert [each.result().status_code for each in drawn] == [200, 200]
    assert (refused.status_code, refused.get_json()["code"]) == (503, "drawing_busy")
    assert refused.headers["Retry-After"] == "5"
    for _ in range(3):
        assert client.get(url).status_code == 200
    assert len(set(threads)) == 2  # and never one of the server's
    assert threading.current_thread().name not in threads
