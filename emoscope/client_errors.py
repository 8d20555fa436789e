"""What the client raises, each with a code that stays the same from release to release."""

from typing import Any


class EmoscopeError(Exception):
    """The base of what the client raises. `code` is stable; the message is for people."""

    code = "client_error"


class NoAddress(EmoscopeError):
    """Neither an address nor a key was given, and no stack runs on this machine."""

    code = "no_address"


class ServiceUnreachable(EmoscopeError):
    """The API didn't answer, however often it was asked."""

    code = "service_unreachable"


class WaitTimeout(EmoscopeError):
    """The job or batch hadn't ended when the time was up. It goes on; wait again, or cancel it."""

    code = "wait_timeout"


class ApiError(EmoscopeError):
    """The API refused. `code` is the API's own, `status` the HTTP status, `problem` all that it said.

    may_be_done: whether an earlier try, whose answer was lost, may have done what was asked.
    """

    def __init__(self, status: int, problem: dict[str, Any], *, may_be_done: bool = False) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"HTTP {status}"))
        self.status = status
        self.code = str(problem.get("code", "http_error"))
        self.problem = problem
        self.may_be_done = may_be_done
