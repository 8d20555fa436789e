import threading

from worker.core.heartbeat import Heartbeat


def test_a_beat_that_raises_is_not_the_last() -> None:
    beats = threading.Semaphore(0)

    def beat() -> None:
        beats.release()
        raise RuntimeError("out of a card's memory")

    heartbeat = Heartbeat(0.01, beat)
    heartbeat.start()
    assert all(beats.acquire(timeout=10) for _ in range(3))
    heartbeat.stop()
