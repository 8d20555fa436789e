"""The base class of the errors that a client is told of. A new one is a class: all else is written from it."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import ClassVar


class DomainError(Exception):
    """A rule doesn't allow what was asked for, or something that it needs is away.

    code: stable, for programs. status: of the HTTP answer. title: the same for all errors of the code.
    meaning: one sentence for the documentation. retry_after_s: when to try again, where that may help.
    """

    code: ClassVar[str]
    status: ClassVar[HTTPStatus]
    title: ClassVar[str]
    meaning: ClassVar[str]
    retry_after_s: ClassVar[int | None] = None

    @property
    def public_detail(self) -> str:
        """What the client reads. The sentence of a fault of ours names paths and hosts, so its meaning stands in for it."""
        return self.meaning if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR else str(self)


def list_domain_errors(base: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """Every error class with a code of its own, of the modules that are imported."""
    for error in base.__subclasses__():
        if "code" in vars(error):
            yield error
        yield from list_domain_errors(error)
