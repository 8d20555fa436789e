"""Faces and clients of reviews."""

from collections.abc import Callable

from flask.testing import FlaskClient

from db.core.vocabulary import Emotion

HAPPY = (Emotion.HAPPY, 0.6)


Opener = Callable[..., FlaskClient]


def vote(client: FlaskClient, face_id: object, choice: str = "sad") -> dict[str, object]:
    answer = client.post("/v1/reviews/votes", json={"face_id": str(face_id), "choice": choice})
    assert answer.status_code == 201, answer.json
    return answer.json  # type: ignore[return-value]
