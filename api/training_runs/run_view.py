"""A training run for the pages: progress, curves, balance of the dataset, checks of the gate."""

from dataclasses import dataclass

from api.training_runs.curves import draw_curves
from api.web.charts import Chart, Series, draw_stacks
from db.core.vocabulary import EMOTIONS
from db.training_runs.documents import GateCheck, GateReport, RunAudit, RunOptions, RunProgress
from db.training_runs.tables import TrainingRun

_CORRECTIONS = "corrections"
_BALANCE_TONES = {"Training": "first", "PublicTest": "third", "PrivateTest": "fourth", _CORRECTIONS: "second"}


@dataclass(frozen=True)
class ShownRun:
    """A run with the contents of its JSON columns.

    champion, challenger: numbers of the versions.
    share: progress from 0 to 1, or None if unknown.
    facts: name and value.
    start: the weights it starts from, in words.
    plan: its steps in sentences; empty until it has started.
    has_read_corrections: whether it has read the reviewers' labels.
    """

    run: TrainingRun
    champion: int | None
    challenger: int | None
    step: str
    share: float | None
    seconds_left: float | None
    facts: tuple[tuple[str, str], ...]
    curves: tuple[Chart, ...]
    balance: Chart | None
    checks: tuple[GateCheck, ...]
    reason: str
    start: str
    plan: tuple[str, ...]
    warnings: tuple[str, ...]
    has_read_corrections: bool


def describe_run(run: TrainingRun) -> ShownRun:
    """Read a run's progress, audit and gate. Call it while the run's session is open.

    Missing keys are left out: a run fills them as it proceeds.
    """
    progress, audit = RunProgress.read(run.progress), RunAudit.read(run.audit)
    epoch, epochs = progress.epoch, progress.epochs
    metrics = {
        "loss": progress.loss,
        "accuracy": progress.accuracy,
        "validation loss": progress.val_loss,
        "validation accuracy": progress.val_accuracy,
    }
    facts = [(name, f"{value:.4f}") for name, value in metrics.items() if value is not None]
    if epochs:
        facts.insert(0, ("epoch", f"{epoch or 0} of {epochs}"))
    return ShownRun(
        run=run,
        champion=run.champion.number if run.champion else None,
        challenger=run.challenger.number if run.challenger else None,
        step=progress.step,
        share=epoch / epochs if epochs and epoch is not None else None,
        seconds_left=progress.seconds_left,
        facts=tuple(facts),
        curves=draw_curves(progress.curve),
        balance=_draw_balance(audit),
        checks=() if run.gate is None else tuple(GateReport.read(run.gate).decision.checks),
        reason=run.reason or run.error_detail or "",
        start=_name_start(run, audit),
        plan=tuple(audit.plan.summary if audit.plan else ()),
        warnings=tuple(audit.warnings),
        has_read_corrections=audit.corrections is not None,
    )


def _name_start(run: TrainingRun, audit: RunAudit) -> str:
    plan, options = audit.plan, RunOptions.read(run.options)
    if options.from_scratch if plan is None else plan.is_from_scratch:
        return "fresh weights"
    return "the best version on the CSV's labels" if plan is not None and plan.references else "the champion's weights"


def _draw_balance(audit: RunAudit) -> Chart | None:
    """Draw rows by emotion, for each split of the dataset and for the corrections."""
    counts = {name: split.emotions for name, split in audit.splits.items()}
    if not counts:
        return None
    if any(audit.corrections_by_emotion.values()):
        counts[_CORRECTIONS] = audit.corrections_by_emotion
    series = [
        Series(name, _BALANCE_TONES[name], [found.get(emotion.value, 0) for emotion in EMOTIONS])
        for name, found in counts.items()
    ]
    return draw_stacks("Rows by emotion", [emotion.value for emotion in EMOTIONS], series)
