"""Exceptions of the client."""

import pytest

from emoscope_client import errors
from emoscope_client.errors import ERRORS_BY_STATUS, ApiError, EmoscopeError
from emoscope_client.problem import Problem


def list_errors(kind: type[EmoscopeError] = EmoscopeError) -> list[type[EmoscopeError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in list_errors(below))]


def test_every_exception_is_caught_by_one_class_and_has_a_code() -> None:
    own = [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, Exception)]
    assert set(own) <= set(list_errors())
    assert all(getattr(error, "code", "") for error in own)


@pytest.mark.parametrize(("status", "kind"), ERRORS_BY_STATUS.items())
def test_an_error_carries_what_the_api_said(status: int, kind: type[ApiError]) -> None:
    problem = Problem(type="t", title="Title", status=status, code="some_code", detail="", request_id="r", errors=())
    error = kind(problem, retry_after_s=3, may_be_done=True)
    assert (str(error), error.code, error.status) == ("Title", "some_code", status)
    assert (error.retry_after_s, error.may_be_done, isinstance(error, ApiError)) == (3, True, True)
