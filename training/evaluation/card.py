"""Writes the model card from a manifest: what the version is, its metrics, and its limits."""

from pathlib import Path

from db.core.vocabulary import CROP_SIDE, EMOTIONS
from db.model_versions.manifest import Manifest
from db.model_versions.metrics import SetMetrics, SplitMetrics, TruthMetrics, list_splits, list_truths

_TRUTHS = {"fer2013": "the published single label", "ferplus": "the clear majority of ten people's votes"}

_ROW_COUNTS = {
    "training": "trained on",
    "validation": "held out for validation",
    "bad_rows": "unreadable, left out",
    "corrections": "reviewers' corrections, among those trained on",
    "votes_rows": "with votes",
    "votes_training": "with votes that can be trained on",
    "votes_clear_majority": "with a clear majority of votes",
    "votes_left_out_contempt": "left out: most votes for contempt",
    "votes_left_out_unknown": "left out: most votes for unknown",
    "votes_left_out_nf": "left out: most votes for not a face",
    "votes_left_out_undecided": "left out: no answer with most votes",
}

_LIMITS = """\
## What it is not for

It says what a face appears to express, never what a person feels. It is not for decisions about people. In the European
Union, inferring emotions of people at work and in education from their faces is prohibited (Regulation 2024/1689,
Art. 5(1)(f)), other uses are high-risk, and people exposed to it must be told (Art. 50(3)). It was not examined for
differences between ages, sexes or skin tones: FER2013 doesn't say who is in its pictures.

## Limits

- FER2013's pictures come from an image search by emotion words: many faces are posed, and labels are noisy. People agree
  with the published label in about 65 of 100 pictures.
- Rare classes are learnt from few pictures, and their metrics have wide intervals.
- Its input is 48x48 grey pixels of one face, cropped as FER2013 crops faces. Other crops lower its accuracy.
- It has seven answers. Contempt, mixtures and faces without an expression get one of them.
"""


def write_card(path: Path, manifest: Manifest) -> None:
    """Write the card of a version, in Markdown."""
    lineage = manifest.lineage
    epochs = lineage.settings["recipe"]["epochs"]
    trained_on = "the published single label" if lineage.labels == "hard" else "the distribution of ten people's votes"
    lines = [
        f"# Model card: {manifest.architecture}, {lineage.labels} labels",
        "",
        "A convolutional network that gives seven probabilities for one face: " + ", ".join(EMOTIONS) + ".",
        "",
        "| | |",
        "| --- | --- |",
        f"| made | {manifest.created_at} |",
        f"| trained on | {trained_on} |",
        f"| epochs | {lineage.epochs_done} of {epochs} |",
        f"| seed | {lineage.seed} |",
        f"| temperature | {manifest.temperature:.3f} |",
        f"| test-time flip | {'yes' if manifest.flip else 'no'} |",
        f"| crop scales | {', '.join(map(str, manifest.crop_scales))} pixels of the crop's {CROP_SIDE} |",
        f"| initial weights | {lineage.parent or 'random'} |",
        f"| teachers | {', '.join(lineage.teachers) or 'none'} |",
        f"| code version | {lineage.code_version} |",
        f"| dataset SHA-256 | {lineage.dataset_sha256} |",
        "",
        "Input: uint8 (N, 48, 48, 1), grey. Rescaling, averaging and temperature are inside the model.",
        "",
    ]
    lines += _describe_rows(lineage.row_counts)
    for part, split in list_splits(manifest.metrics):
        lines += _describe_part(part, split)
    if "sets" in manifest.metrics:
        lines += _describe_sets(manifest.metrics["sets"])
    lines += [f"{manifest.metrics['speed']['ms_a_face']:.2f} ms a face on one core of the machine that made it.", ""]
    path.write_text("\n".join(lines) + "\n" + _LIMITS, encoding="utf-8")


def _describe_rows(row_counts: dict[str, int]) -> list[str]:
    rows = [
        f"| {_ROW_COUNTS.get(name, name.replace('_', ' '))} | {count:,} |"
        for name, count in row_counts.items()
        if count
    ]
    return ["## Rows of the dataset", "", "| rows | number |", "| --- | --- |", *rows, ""]


def _describe_sets(sets: dict[str, SetMetrics]) -> list[str]:
    lines = [
        "## Metrics on evaluation sets",
        "",
        (
            "Sets named `stress/` are altered PublicTest rows. The others are whole photos, analysed from detection on; a photo in "
            "which no face was found counts as wrong."
        ),
        "",
        "| set | photos | accuracy | without neutral | macro-F1 | mean recall | mean confidence | calibration error |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, metrics in sets.items():
        shares = (
            *(metrics["accuracy"], metrics["accuracy_without_neutral"], metrics["macro_f1"]),
            *(metrics["mean_recall"], metrics["mean_confidence"], metrics["calibration_error"]),
        )
        cells = " | ".join("-" if share is None else f"{share:.3f}" for share in shares)
        lines.append(f"| {name} | {metrics['rows']:,} | {cells} |")
        for part, found in metrics["slices"].items():
            confidence = f"{found['mean_confidence']:.3f} | {found['calibration_error']:.3f}"
            lines.append(f"| {name}, {part} | {found['rows']:,} | {found['accuracy']:.3f} | - | - | - | {confidence} |")
    lines += ["", "Differences between skin tones, ages and sexes were never measured: no set records them.", ""]
    return lines


def _describe_part(part: str, figures: SplitMetrics) -> list[str]:
    title = "validation rows, held out of Training" if part == "validation" else part
    lines = [f"## Metrics on {title} ({figures['rows']:,} rows)", ""]
    for truth, found in list_truths(figures):
        lines += _describe_truth(truth, _TRUTHS[truth], found)
    return lines


def _describe_truth(truth: str, meaning: str, figures: TruthMetrics) -> list[str]:
    low, high = figures["intervals"]["accuracy"]
    new = figures.get("without_copies")
    without = f"; without copies of Training rows {new['accuracy']:.3f}" if new else ""
    sentence = (
        f"Against {meaning} (`{truth}`, {figures['rows']:,} rows): accuracy {figures['accuracy']:.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}){without}, macro-F1 {figures['macro_f1']:.3f}, "
        f"log-loss {figures['log_loss']:.3f}, calibration error {figures['calibration_error']:.3f}."
    )
    lines = [
        sentence,
        "",
        "| emotion | rows | precision | recall | F1 |",
        "| --- | --- | --- | --- | --- |",
    ]
    for emotion, row in figures["per_class"].items():
        shares = " | ".join(f"{row[figure]:.3f}" for figure in ("precision", "recall", "f1"))
        lines.append(f"| {emotion} | {row['support']:,} | {shares} |")
    return [*lines, ""]
