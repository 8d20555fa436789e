"""One process's connections."""

from pathlib import Path
from uuid import uuid4

from db.core import queues
from emoscope.settings import Settings
from tests.support.valkey import Valkey
from worker.core.services import Services


def test_those_who_wait_for_a_job_are_woken(valkey: Valkey, tmp_path: Path) -> None:
    services, job_id = Services(Settings(_env_file=None, data_dir=tmp_path, redis_url=valkey.redis_url)), uuid4()
    with valkey.client() as client, client.pubsub() as heard:
        heard.subscribe(queues.JOB_CHANGED_CHANNEL)
        assert heard.get_message(timeout=5)["type"] == "subscribe"
        services.announce(job_id)
        assert heard.get_message(timeout=5)["data"] == str(job_id).encode()
    services.redis.close()


def test_a_queue_that_is_away_stops_no_work(tmp_path: Path) -> None:
    Services(Settings(_env_file=None, data_dir=tmp_path, redis_url=f"unix://{tmp_path}/none.sock")).announce(uuid4())
