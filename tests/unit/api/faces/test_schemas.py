import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from db.core.vocabulary import Emotion, FaceCondition
from db.faces.measures import FaceMeasures
from tests.support.databases import only_sqlite


@only_sqlite
def test_a_face_shows_how_people_would_divide_and_what_makes_it_hard(
    client: FlaskClient, submit: Callable[..., str], worker: Any
) -> None:
    shares = (0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0)
    seen = replace(worker.see(Emotion.SAD, 0.9), vote_shares=shares, conditions=(FaceCondition.COVERED,))
    job_id = submit()
    worker.analyze(job_id, seen, worker.see(Emotion.SAD, 0.9, (40, 4, 10, 12)))
    covered, before = client.get(f"/v1/jobs/{job_id}").get_json()["faces"]
    assert covered["vote_shares"]["angry"] == covered["vote_shares"]["neutral"] == 0.5
    assert covered["ambiguity"] == pytest.approx(math.log(2) / math.log(7))
    assert covered["conditions"] == ["covered"]
    assert covered["uncertain"] is True
    assert (covered["second_emotion"], covered["second_probability"]) == ("angry", pytest.approx(0.1 / 6))
    assert (before["vote_shares"], before["ambiguity"], before["conditions"], before["uncertain"]) == (
        None,
        None,
        [],
        False,
    )


@only_sqlite
def test_a_face_shows_its_landmarks_pose_and_quality_and_nothing_where_none_was_measured(
    client: FlaskClient, submit: Callable[..., str], worker: Any
) -> None:
    measures = FaceMeasures(
        landmarks=((205.26, 102.0), (247.0, 104.0)),
        roll_deg=2.7,
        yaw_deg=-60.0,
        sharpness=0.6125,
        brightness=0.5,
        inside_share=0.5,
    )
    job_id = submit()
    worker.analyze(
        job_id,
        replace(worker.see(Emotion.SAD, 0.9, (0, 0, 60, 60)), measures=measures, conditions=(FaceCondition.COVERED,)),
        replace(worker.see(Emotion.SAD, 0.9, (0, 0, 30, 31)), measures=replace(measures, yaw_deg=None, inside_share=1)),
        worker.see(Emotion.SAD, 0.9, (40, 4, 10, 12)),
    )
    poor, good, before = client.get(f"/v1/jobs/{job_id}").get_json()["faces"]
    assert poor["landmarks"] == [
        {"name": "left_eye", "x": 205.3, "y": 102.0},
        {"name": "right_eye", "x": 247.0, "y": 104.0},
    ]
    assert poor["pose"] == {"roll_deg": 2.7, "yaw_deg": -60.0}
    assert poor["quality"]["sharpness"] == 0.6125
    assert (poor["usable"], poor["unusable_reasons"]) == (False, ["covered", "turned_away", "cut_off"])
    assert (good["usable"], good["unusable_reasons"], good["quality"]["size_px"]) == (True, [], 30)
    assert [before[name] for name in ("landmarks", "pose", "quality", "usable", "unusable_reasons")] == [None] * 5
