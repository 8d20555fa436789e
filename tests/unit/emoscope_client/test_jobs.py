"""Properties of results."""

from emoscope_client.jobs import Job, Probabilities
from emoscope_client.vocabulary import EMOTIONS, FINAL_STATUSES


def test_emotions_are_ranked_by_probability_and_equals_stay_in_order() -> None:
    values = dict.fromkeys(EMOTIONS, 0.0) | {"sad": 0.5, "happy": 0.3, "angry": 0.2}
    ranked = Probabilities(**values).rank()
    assert [emotion for emotion, _ in ranked][:4] == ["sad", "happy", "angry", "disgusted"]
    assert ranked[0] == ("sad", 0.5)


def test_a_job_has_ended_in_its_final_states_alone() -> None:
    for status in ("queued", "running", "succeeded", "failed", "canceled"):
        job = object.__new__(Job)
        object.__setattr__(job, "status", status)
        assert job.has_ended == (status in FINAL_STATUSES) == (status not in {"queued", "running"})
