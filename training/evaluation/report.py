"""Writes the report of a version: a self-contained HTML file."""

import base64
import html
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from PIL import Image
from plotly.offline import get_plotlyjs

from db.core.vocabulary import EMOTIONS
from db.model_versions.history import TrainingHistory
from db.model_versions.manifest import Manifest
from db.model_versions.metrics import list_splits, list_truths
from training.data.dataset import Dataset
from training.data.votes import NO_MAJORITY
from training.evaluation.metrics import bin_confidences

_MISTAKES = 30
_CHART_WIDTH = 540
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; color: #1d2430; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .9rem .2rem 0; text-align: left; }
.charts { display: flex; flex-wrap: wrap; }
.mistakes { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; width: 112px; font-size: .8rem; }
figure img { width: 96px; image-rendering: pixelated; }
"""


def write_report(
    path: Path,
    manifest: Manifest,
    history: TrainingHistory,
    dataset: Dataset,
    rows: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
) -> None:
    """Write the report of a version.

    rows: positions in `dataset` of the classified faces. probabilities: float32 (N, 7), the version's predictions for them.
    """
    title = f"{manifest.architecture}, {manifest.labels} labels"
    truths = {"fer2013": dataset.labels[rows]}
    if dataset.votes is not None:
        truths["ferplus"] = dataset.votes.majorities[rows]
    trained_on = truths["ferplus" if manifest.labels == "soft" else "fer2013"]
    body = [
        f"<h1>Training report: {html.escape(title)}</h1>",
        _describe(manifest),
        "<h2>Curves</h2>",
        _row(_draw_curves(history)),
    ]
    for name, truth in truths.items():
        is_known = truth != NO_MAJORITY
        if is_known.any():
            body.append(f"<h2>Against {name} ({is_known.sum():,} faces)</h2>")
            body.append(_row(_draw_metrics(probabilities[is_known], truth[is_known], manifest, name)))
    body += ["<h2>Surest mistakes</h2>", _show_mistakes(dataset.images[rows], probabilities, trained_on)]
    head = f"<meta charset='utf-8'><title>{html.escape(title)}</title><style>{_STYLE}</style>"
    page = f"<!doctype html><html lang='en'><head>{head}<script>{get_plotlyjs()}</script></head><body>"
    path.write_text(page + "\n".join(body) + "</body></html>\n", encoding="utf-8")


def _row(charts: Iterator[go.Figure]) -> str:
    drawn = (chart.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False}) for chart in charts)
    return f"<div class='charts'>{''.join(f'<div>{chart}</div>' for chart in drawn)}</div>"


def _describe(manifest: Manifest) -> str:
    lineage = manifest.lineage
    facts = {
        "made": manifest.created_at,
        "code": lineage.code_version,
        "epochs": f"{lineage.epochs_done} of {lineage.settings['recipe']['epochs']}",
        "seed": str(lineage.seed),
        "temperature": f"{manifest.temperature:.3f}",
        "dataset": lineage.dataset_sha256,
    }
    for part, split in list_splits(manifest.metrics):
        for truth, found in list_truths(split):
            facts[f"{part}, {truth}"] = f"accuracy {found['accuracy']:.4f}, macro-F1 {found['macro_f1']:.4f}"
    cells = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in facts.items())
    return f"<table>{cells}</table>"


def _draw_curves(history: TrainingHistory) -> Iterator[go.Figure]:
    epochs = [point.epoch for point in history.epochs]
    curves = {
        "loss": ([point.loss for point in history.epochs], [point.val_loss for point in history.epochs]),
        "accuracy": ([point.accuracy for point in history.epochs], [point.val_accuracy for point in history.epochs]),
    }
    for metric, (training, validation) in curves.items():
        chart = go.Figure()
        chart.add_scatter(x=epochs, y=training, name="training", mode="lines")
        chart.add_scatter(x=epochs, y=validation, name="validation", mode="lines")
        chart.add_vline(x=history.best_epoch, line_dash="dot", annotation_text="kept")
        yield _finish(chart, metric, "epoch", metric)


def _draw_metrics(
    probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64], manifest: Manifest, name: str
) -> Iterator[go.Figure]:
    of_name = [
        found for _, split in list_splits(manifest.metrics) for truth, found in list_truths(split) if truth == name
    ]
    figures = of_name[-1]
    names, confusion = [str(emotion) for emotion in EMOTIONS], np.array(figures["confusion"])
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    matrix = go.Heatmap(z=shares, x=names, y=names, text=confusion, texttemplate="%{text}", colorscale="Blues", zmin=0)
    chart = _finish(go.Figure(matrix), "Confusion (colour: share of the row)", "answer", "truth")
    chart.update_yaxes(autorange="reversed")
    yield chart
    bins = bin_confidences(probabilities, truth)
    chart = go.Figure()
    chart.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line_dash="dot", name="perfect")
    sizes = [6 + 40 * share for _, _, share in bins]
    means, accuracies = [mean for mean, _, _ in bins], [mean + gap for mean, gap, _ in bins]
    chart.add_scatter(x=means, y=accuracies, mode="markers+lines", marker_size=sizes, name="this version")
    yield _finish(chart, f"Reliability (error {figures['calibration_error']:.3f})", "confidence", "accuracy")
    chart = go.Figure()
    for figure in ("precision", "recall", "f1"):
        chart.add_bar(x=names, y=[row[figure] for row in figures["per_class"].values()], name=figure)
    yield _finish(chart, "By emotion", "", "")


def _finish(chart: go.Figure, title: str, x_title: str, y_title: str) -> go.Figure:
    chart.update_layout(
        title=title, xaxis_title=x_title, yaxis_title=y_title, width=_CHART_WIDTH, height=400, template="plotly_white"
    )
    return chart


def _show_mistakes(
    images: npt.NDArray[np.uint8], probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]
) -> str:
    answers, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    is_wrong = (answers != truth) & (truth != NO_MAJORITY)
    surest = [row for row in np.argsort(-confidences) if is_wrong[row]][:_MISTAKES]
    shown = []
    for row in surest:
        buffer = io.BytesIO()
        Image.fromarray(images[row]).save(buffer, "PNG")
        source = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        said, true = EMOTIONS[answers[row]], EMOTIONS[truth[row]]
        words = f"{said} {confidences[row]:.2f}, labelled {true}"
        shown.append(f"<figure><img src='{source}' alt='face'><figcaption>{words}</figcaption></figure>")
    return f"<div class='mistakes'>{''.join(shown)}</div>"
