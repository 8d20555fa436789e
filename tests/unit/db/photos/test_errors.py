from billiard.exceptions import SoftTimeLimitExceeded

from db.photos.errors import BrokenPicture, is_interruption


def test_the_workers_time_limit_is_an_interruption_and_a_fault_of_the_file_is_none() -> None:
    assert is_interruption(SoftTimeLimitExceeded())
    assert not is_interruption(BrokenPicture("rows are missing"))
    assert not is_interruption(OSError("truncated"))
