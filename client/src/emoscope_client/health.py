"""How the service is, as the API describes it."""

from dataclasses import dataclass

from emoscope_client.result import Result


@dataclass(frozen=True, slots=True)
class Alive(Result):
    """The process answers."""

    status: str


@dataclass(frozen=True, slots=True)
class Check(Result):
    """How one component is."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Checks(Result):
    """How each component is that the service needs."""

    database: Check
    queue: Check
    workers: Check


@dataclass(frozen=True, slots=True)
class Ready(Result):
    """The service can analyse photos."""

    status: str
    checks: Checks
