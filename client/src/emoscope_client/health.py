"""How the service is, as the API describes it."""

from emoscope_client.result import Result


class Alive(Result):
    """The process answers."""

    status: str


class Check(Result):
    """How one component is."""

    ok: bool
    detail: str


class Checks(Result):
    """How each component is that the service needs."""

    database: Check
    queue: Check
    workers: Check
    housekeeping: Check
    processes: Check
    storage: Check


class Ready(Result):
    """The service can analyse photos."""

    status: str
    checks: Checks
