"""Plans a training run: what it will do, and whether its result can replace the version in service.

Worker, API, command and pages use the same plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from db.core.errors import DomainError
from db.model_versions.actions import get_champion, list_versions
from db.model_versions.tables import ModelVersion
from db.training_runs.corrections import count_reviewed

LabelKind = Literal["hard", "soft"]

MIN_REVIEWED_FACES = 30
"""Minimum number of reviewers' labels for comparing versions trained on different kinds of labels, so that no handful of faces
decides.
"""

_MAX_CANDIDATES = 3


class PlanImpossible(DomainError):
    """There is no dataset, or no version in service to compare with; the message says which."""

    code = "retraining_impossible"
    status = HTTPStatus.CONFLICT
    title = "Retraining impossible"
    meaning = "No dataset is configured (`EMOSCOPE_DATASET_CSV`), or no version is in service to compare with."


@dataclass(frozen=True, slots=True)
class DatasetFiles:
    """Configured files of a dataset."""

    has_csv: bool
    has_votes: bool

    @classmethod
    def of(cls, csv_path: Path | None, votes_path: Path | None) -> Self:
        """Build from the settings."""
        return cls(csv_path is not None, votes_path is not None)


class PlannedVersion(BaseModel):
    """A version that takes part in a run."""

    number: int = Field(examples=[2])
    name: str = Field(examples=["default-hard"])
    labels: LabelKind = Field(description="Labels it was trained on: the CSV's own, or votes of several people.")


class RunPlan(BaseModel):
    """What a run trains on, starts from and compares, and whether its result can be promoted."""

    labels: LabelKind = Field(
        description="Labels that the run trains on: the CSV's own (`hard`), or the file of votes (`soft`)."
    )
    champion: PlannedVersion = Field(description="The version in service.")
    references: list[PlannedVersion] = Field(
        description="Empty if the version in service was trained on the same kind of labels. Otherwise the versions trained on "
        "this kind with the best recorded accuracy: the run measures them on the CSV, starts from the best, and compares "
        "with it."
    )
    is_from_scratch: bool = Field(description="Whether it starts from new weights.")
    reviewed_faces: int = Field(
        description="Randomly drawn faces labelled by reviewers, on which the versions are also compared.",
        examples=[12],
    )
    can_replace_champion: bool = Field(description="Whether the result can be promoted if it is better.")
    summary: list[str] = Field(description="The plan in sentences.")

    @property
    def is_across_labels(self) -> bool:
        """Whether the version in service was trained on another kind of labels than this run uses."""
        return self.champion.labels != self.labels


def plan_run(session: Session, files: DatasetFiles, *, from_scratch: bool = False) -> RunPlan:
    """Plan a run with the current configuration and data. Raises PlanImpossible."""
    if not files.has_csv:
        raise PlanImpossible("no dataset is configured (EMOSCOPE_DATASET_CSV)")
    champion = get_champion(session)
    if champion is None:
        raise PlanImpossible("no model version is in service, so there is nothing to compare with")
    labels: LabelKind = "soft" if find_labels(champion) == "soft" and files.has_votes else "hard"
    planned = _describe(champion)
    references = [] if planned.labels == labels else _find_best(list_versions(session), labels)
    reviewed = count_reviewed(session)
    plan = RunPlan(
        labels=labels,
        champion=planned,
        references=references,
        is_from_scratch=from_scratch or (planned.labels != labels and not references),
        reviewed_faces=reviewed,
        can_replace_champion=planned.labels == labels or reviewed >= MIN_REVIEWED_FACES,
        summary=[],
    )
    return plan.model_copy(update={"summary": _summarize(plan)})


def find_labels(version: ModelVersion) -> LabelKind:
    """Return the kind of labels that a version was trained on, from its manifest."""
    return version.document.labels


def _describe(version: ModelVersion) -> PlannedVersion:
    return PlannedVersion(number=version.number, name=version.name, labels=find_labels(version))


def _find_best(versions: Sequence[ModelVersion], labels: LabelKind) -> list[PlannedVersion]:
    """Return the most accurate versions by their manifests' accuracy on PublicTest; ties are newest first."""
    of_kind = [version for version in versions if find_labels(version) == labels]
    ranked = sorted(of_kind, key=lambda version: (_read_accuracy(version), version.number), reverse=True)
    return [_describe(version) for version in ranked[:_MAX_CANDIDATES]]


def _read_accuracy(version: ModelVersion) -> float:
    found = {split: numbers for split, truth, numbers in version.document.list_evaluations() if truth == "fer2013"}
    return found["PublicTest"]["accuracy"] if "PublicTest" in found else 0.0


def _summarize(plan: RunPlan) -> list[str]:
    champion = f"version {plan.champion.number} ({plan.champion.name})"
    return _summarize_across(plan, champion) if plan.is_across_labels else _summarize_alike(plan, champion)


def _summarize_alike(plan: RunPlan, champion: str) -> list[str]:
    labels = "the file of votes" if plan.labels == "soft" else "the CSV's labels"
    start = "fresh weights" if plan.is_from_scratch else f"the weights of {champion}"
    faces = _count_faces(plan.reviewed_faces)
    return [
        f"The run trains on {labels} and the reviewers' corrections, from {start}.",
        f"It is compared with {champion}, which is in service, on the PublicTest rows by {labels}, and on {faces}.",
        "It replaces that version if it is better on the PublicTest rows and not worse on the reviewers' labels.",
    ]


def _summarize_across(plan: RunPlan, champion: str) -> list[str]:
    numbers = " or ".join(f"{version.number} ({version.name})" for version in plan.references)
    best = f"the best version on such labels (version {numbers})"
    start = "fresh weights" if plan.is_from_scratch else best
    rivals = f"{best} and with {champion}" if plan.references else champion
    faces = _count_faces(plan.reviewed_faces)
    sentences = [
        f"The run trains on the CSV's labels and the reviewers' corrections, from {start}: no file of votes is configured.",
        f"It is compared with {rivals}, on the PublicTest rows by the CSV's labels, and with {champion} on {faces}.",
        f"In service is {champion}, which was trained on votes. By the CSV's labels it looks worse than it is.",
    ]
    if plan.can_replace_champion:
        sentences.append(f"The result replaces {champion} only if the reviewers' labels show that it is better.")
    else:
        sentences.append(
            f"The result can't replace {champion} yet: that takes reviewers' labels of {MIN_REVIEWED_FACES} faces drawn at random, "
            f"and there are {plan.reviewed_faces}. It is kept as a version."
        )
    if plan.references:
        number = plan.references[0].number
        sentences.append(
            f"To let the CSV's labels decide alone, put version {number} in service, which was trained on them."
        )
    return sentences


def _count_faces(count: int) -> str:
    return f"reviewers' labels of {count} {'face' if count == 1 else 'faces'} drawn at random"
