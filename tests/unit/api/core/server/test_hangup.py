"""Notification of hangups."""

from api.core.server.hangup import Hangup


def test_everybody_who_listens_is_called_once() -> None:
    hangup, called = Hangup(), []
    with hangup.listen(lambda: called.append("a")), hangup.listen(lambda: called.append("b")):
        assert not hangup.is_set
        hangup.set()
        hangup.set()
    assert sorted(called) == ["a", "b"]
    assert hangup.is_set


def test_who_comes_too_late_is_called_at_once_and_who_left_not_at_all() -> None:
    hangup, called = Hangup(), []
    with hangup.listen(lambda: called.append("left")):
        pass
    hangup.set()
    with hangup.listen(lambda: called.append("late")):
        assert called == ["late"]
