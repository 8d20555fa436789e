"""Measures versions on faces that differ from FER2013's: other framing, light, focus or compression.

    python -m bench.training.robustness --csv fer2013.csv [--votes votes.csv] [--model DIR ...] [--usage PublicTest]

Applies one change at a time to every face of the split, and evaluates against the hard label and, if votes are given, their
majority; the latter also without `neutral`. All versions get the same changes, drawn from a seed.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from db.core.vocabulary import CROP_SIDE, EMOTIONS, Emotion
from training.data.dataset import read_dataset
from training.data.votes import NO_MAJORITY
from training.export.artifact import list_pretrained
from training.export.lite import load_lite

Face = npt.NDArray[np.uint8]
Change = Callable[[Face, np.random.Generator], Face]

_MIDDLE = (CROP_SIDE - 1) / 2
_NEUTRAL = EMOTIONS.index(Emotion.NEUTRAL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, required=True, help="a CSV of FER2013's form")
    parser.add_argument("--votes", type=Path, help="FER+ votes for its rows")
    parser.add_argument("--model", type=Path, nargs="+", help="folders of versions; without, those that ship")
    parser.add_argument("--usage", default="PublicTest")
    arguments = parser.parse_args()

    dataset = read_dataset(arguments.csv, arguments.votes)
    rows = dataset.find_part(arguments.usage)
    single = dataset.labels[rows]
    votes = np.full(len(rows), NO_MAJORITY) if dataset.votes is None else dataset.votes.majorities[rows]
    folders = {str(folder): folder for folder in arguments.model} if arguments.model else list_pretrained()
    models = {name: load_lite(folder) for name, folder in folders.items()}
    print(f"{len(rows)} faces, {np.sum(votes != NO_MAJORITY)} of them with a clear vote\n")
    print("| faces | " + " | ".join(f"{name}: single, votes, votes without neutral" for name in models) + " |")
    print("| --- |" + " --- |" * len(models))
    for name, change in CHANGES.items():
        random = np.random.default_rng(0)
        faces = np.stack([change(face, random) for face in dataset.images[rows]])
        cells = [describe_answers(model.predict(faces), single, votes) for model in models.values()]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def describe_answers(
    probabilities: npt.NDArray[np.float32], single: npt.NDArray[np.int64], votes: npt.NDArray[np.int64]
) -> str:
    """Format the accuracy against each kind of label. probabilities: (N, 7). single, votes: int (N,)."""
    answers = probabilities.argmax(axis=1)
    among_six = np.delete(probabilities, _NEUTRAL, axis=1).argmax(axis=1)
    among_six += among_six >= _NEUTRAL
    is_clear, is_expressive = votes != NO_MAJORITY, (votes != NO_MAJORITY) & (votes != _NEUTRAL)
    figures = [np.mean(answers == single)]
    if is_clear.any():
        figures += [np.mean((answers == votes)[is_clear]), np.mean((among_six == votes)[is_expressive])]
    return ", ".join(f"{figure:.3f}" for figure in figures)


def _draw_sign(random: np.random.Generator) -> int:
    return int(random.choice([-1, 1]))


def _warp(face: Face, *, zoom: float = 1.0, degrees: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)) -> Face:
    """Warp faces. zoom above 1 enlarges the face; shift as a share of the side."""
    matrix = cv2.getRotationMatrix2D((_MIDDLE, _MIDDLE), degrees, zoom)
    matrix[:, 2] += np.array(shift) * CROP_SIDE
    warped = cv2.warpAffine(
        face, matrix, (CROP_SIDE, CROP_SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(warped, np.uint8)


def _make_shift(share: float) -> Change:
    return lambda face, random: _warp(face, shift=(share * _draw_sign(random), share * _draw_sign(random)))


def _make_zoom(zoom: float) -> Change:
    return lambda face, _: _warp(face, zoom=zoom)


def _make_roll(degrees: float) -> Change:
    return lambda face, random: _warp(face, degrees=degrees * _draw_sign(random))


def _make_blur(sigma: float) -> Change:
    return lambda face, _: np.asarray(cv2.GaussianBlur(face, (0, 0), sigma), np.uint8)


def _make_sharper(amount: float) -> Change:
    def sharpen(face: Face, _random: np.random.Generator) -> Face:
        return np.asarray(cv2.addWeighted(face, 1 + amount, cv2.GaussianBlur(face, (0, 0), 1), -amount, 0), np.uint8)

    return sharpen


def _make_small(side: int) -> Change:
    def shrink(face: Face, _random: np.random.Generator) -> Face:
        small = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)

    return shrink


def _make_gamma(gamma: float) -> Change:
    table = (255 * (np.arange(256) / 255) ** gamma).round().astype(np.uint8)
    return lambda face, _: table[face]


def _make_flat(contrast: float) -> Change:
    return lambda face, _: (face.mean() + contrast * (face - face.mean())).round().astype(np.uint8)


def _make_noise(sigma: float) -> Change:
    return lambda face, random: np.clip(face + random.normal(0, sigma, face.shape), 0, 255).round().astype(np.uint8)


def _make_half_lit(share: float) -> Change:
    """Return a light gradient: brightness falls linearly across the face to `share`."""

    def shade(face: Face, random: np.random.Generator) -> Face:
        light = np.linspace(1, share, CROP_SIDE)[:: _draw_sign(random)]
        return (face * light).round().astype(np.uint8)

    return shade


def _make_jpeg(quality: int) -> Change:
    def compress(face: Face, _random: np.random.Generator) -> Face:
        _, packed = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)

    return compress


CHANGES: dict[str, Change] = {
    "as they are": lambda face, _: face,
    "moved by 5 % of the side, aslant": _make_shift(0.05),
    "moved by 10 %": _make_shift(0.1),
    "nearer, 1.15 times": _make_zoom(1.15),
    "nearer, 1.3 times": _make_zoom(1.3),
    "farther, 0.85 times": _make_zoom(0.85),
    "farther, 0.7 times": _make_zoom(0.7),
    "rolled by 10 degrees": _make_roll(10),
    "rolled by 20 degrees": _make_roll(20),
    "out of focus, sigma 1 pixel": _make_blur(1),
    "out of focus, sigma 2 pixels": _make_blur(2),
    "sharper": _make_sharper(1),
    "24 pixels, enlarged": _make_small(24),
    "16 pixels, enlarged": _make_small(16),
    "darker, gamma 2": _make_gamma(2),
    "lighter, gamma 0.5": _make_gamma(0.5),
    "a third of the contrast": _make_flat(1 / 3),
    "lit from one side, down to 0.25": _make_half_lit(0.25),
    "noise, sigma 15 of 255": _make_noise(15),
    "JPEG, quality 30": _make_jpeg(30),
    "JPEG, quality 10": _make_jpeg(10),
}


if __name__ == "__main__":
    main()
