"""Identifiers use the field's words: see docs/glossary.md. Prose is left to reviewers, but for a few words that no page needs."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("api", "bench", "client", "db", "emoscope", "training", "worker")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
)
REFUSED = re.compile(
    r"(^|_)(teach|teaches|teaching|taught|pupil|judge|judges|judged|judging|framing|framings|life_signs?|signs?_of_life"
    r"|serializers?|of_95|of_99|people|verdicts?)(_|$)|^half$"
)
"""Refused as a part of an identifier, for: train, student, classify, crop scale, heartbeat, schema, p50, p95, p99, users, vote."""


def split_words(name: str) -> str:
    """`LeaseKeeper` -> `lease_keeper`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def list_identifiers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.keyword(arg=str(name)):
                yield name
            case _:
                pass


def test_identifiers_use_the_words_of_the_glossary() -> None:
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in SOURCES
        for name in (path.stem, *list_identifiers(ast.parse(path.read_text())))
        if REFUSED.search(split_words(name))
    }
    assert not found


def test_a_refused_word_is_found_in_any_form() -> None:
    tree = ast.parse("class PupilNetwork: ...\ndef judge_rows(is_taught, teacher): half = teacher.framing")
    found = {name for name in list_identifiers(tree) if REFUSED.search(split_words(name))}
    assert found == {"PupilNetwork", "judge_rows", "is_taught", "half", "framing"}
