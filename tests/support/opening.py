"""Faces and clients of reviews."""

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from db.core.vocabulary import Emotion

HAPPY = (Emotion.HAPPY, 0.6)


Opener = Callable[..., FlaskClient]


def vote(client: FlaskClient, face_id: object, choice: str = "sad") -> dict[str, Any]:
    answer = client.post("/v1/reviews/votes", json={"face_id": str(face_id), "choice": choice})
    assert answer.status_code == 201, answer.json
    voted: dict[str, Any] = answer.get_json()
    return voted
