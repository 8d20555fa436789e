"""A domain error is defined by one class."""

import importlib
import pkgutil
import subprocess
import sys
from http import HTTPStatus

import pytest

import db
from db.core.errors import DomainError, list_domain_errors

LIST_KNOWN = """
import api.core.error_codes
from db.core.errors import list_domain_errors
print(*sorted(error.code for error in list_domain_errors()))
"""


class Refused(DomainError):
    code = "refused_in_a_test"
    status = HTTPStatus.CONFLICT
    title = "Refused"
    meaning = "A rule of the test."


class Broken(Refused):
    code = "broken_in_a_test"
    status = HTTPStatus.SERVICE_UNAVAILABLE


def test_the_client_reads_the_sentence_of_a_rule_and_not_that_of_a_fault() -> None:
    assert Refused("the job has ended").public_detail == "the job has ended"
    assert Broken("/var/lib/x is away").public_detail == "A rule of the test."


def test_errors_are_found_with_those_made_from_them() -> None:
    assert {Refused, Broken} <= set(list_domain_errors())


def test_the_api_knows_every_error_of_every_module_of_db() -> None:
    for module in pkgutil.walk_packages(db.__path__, "db."):
        if not module.name.startswith("db.migrations"):
            importlib.import_module(module.name)
    ours = {error.code for error in list_domain_errors() if error.__module__.startswith("db.")}
    known = subprocess.run(
        [sys.executable, "-c", LIST_KNOWN], capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(known) == ours


@pytest.mark.parametrize("error", [*list_domain_errors()], ids=lambda error: error.__name__)
def test_every_error_has_all_that_an_answer_needs(error: type[DomainError]) -> None:
    assert error.code.isascii()
    assert error.code == error.code.lower()
    assert error.status >= HTTPStatus.BAD_REQUEST
    assert error.title
    assert error.meaning.endswith(".")
