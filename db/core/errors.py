"""The base class of errors that are reported to clients. Documentation and responses are generated from its subclasses."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import ClassVar


class DomainError(Exception):
    """A rule forbids the request, or a dependency is unavailable.

    code: stable, for programs.
    status: HTTP status.
    title: the same for all errors with this code.
    meaning: one sentence for the documentation.
    retry_after_s: when to try again, if that may help.
    """

    code: ClassVar[str]
    status: ClassVar[HTTPStatus]
    title: ClassVar[str]
    meaning: ClassVar[str]
    retry_after_s: ClassVar[int | None] = None

    @property
    def public_detail(self) -> str:
        """The message for clients. Messages of server errors may contain paths and hosts, so they are replaced by the meaning."""
        return self.meaning if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR else str(self)


def list_domain_errors(base: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """List every error class with its own code in the imported modules."""
    for error in base.__subclasses__():
        if "code" in vars(error):
            yield error
        yield from list_domain_errors(error)
