import re
from collections.abc import Callable

from flask.testing import FlaskClient

from db.core.session import Database
from tests.support.visitors import Visitor
from tests.support.webhook_routes import NEW, end


def test_a_person_adds_tests_and_replays_on_the_page(
    administrator: Visitor, database: Database, client: FlaskClient, submit: Callable[..., str]
) -> None:
    assert administrator.post("/webhooks", application="shop", url=NEW["url"], event="job.canceled") == (
        303,
        "/webhooks",
    )
    found = re.search(r'id="secret">(whsec_[^<]+)<', administrator.get("/webhooks"))
    assert found is not None
    assert found[1] not in administrator.get("/webhooks")
    status, text = administrator.post("/webhooks", application="shop", url="http://127.0.0.1/", event="job.failed")
    assert (status, 'value="http://127.0.0.1/"' in text, 'aria-invalid="true"' in text) == (422, True, True)
    (row,) = client.get("/v1/webhooks").get_json()["items"]
    page = f"/webhooks/{row['id']}"
    assert administrator.post(f"{page}/test") == (303, f"{page}")
    job_id = submit()
    client.post(f"/v1/jobs/{job_id}/cancel")
    end(database, client)
    text = administrator.get(page)
    assert "webhook.test" in text
    assert "no way" in text
    assert "Webhook deliveries" in administrator.get(f"/jobs/{job_id}")
    replayed = re.search(r'action="(/webhooks/deliveries/[^"]+)"', administrator.get(page, event="job.canceled"))
    assert replayed is not None
    assert administrator.post(replayed[1]) == (303, f"{page}")
    assert administrator.post(f"{page}/replay-failed", days="1")[0] == 303
    assert administrator.post(f"{page}/replay-failed", days="100")[0] == 422
    assert administrator.post(f"{page}/rotate") == (303, page)
    assert "whsec_" in administrator.get(page)
    assert "whsec_" not in administrator.get(page)
    assert administrator.post(f"{page}/pause")[0] == 303
    assert "Resume" in administrator.get(page)
    assert administrator.post(f"{page}/resume")[0] == 303
    assert administrator.post(f"{page}/delete")[0] == 303
    assert client.get("/v1/webhooks").get_json()["items"] == []
