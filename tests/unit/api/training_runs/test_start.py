from flask.testing import FlaskClient

from api.core.services import Services
from db.core import queues
from db.core.vocabulary import Scope
from tests.support.opening import Opener


def test_a_run_is_started_sent_and_read(client: FlaskClient, services: Services) -> None:
    answer = client.post("/v1/training-runs", json={"epochs": 3})
    assert answer.status_code == 202
    run = client.get(answer.headers["Location"]).get_json()
    assert (run["status"], run["trigger"], run["actor"]) == ("queued", "api", "application:ops")
    assert run["options"] == {"from_scratch": False, "epochs": 3}
    assert services.redis.llen(queues.TRAINING_QUEUE) == 1


def test_without_a_dataset_no_run_is_started(open_client: Opener) -> None:
    administrator = open_client("ops", Scope.ADMIN)
    for answer in (administrator.post("/v1/training-runs", json={}), administrator.get("/v1/training-runs/plan")):
        assert (answer.status_code, answer.get_json()["code"]) == (409, "retraining_impossible")
