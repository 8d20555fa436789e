"""Measures what the worker saves by classifying the faces of a photo in one call, on a stand-in for an accelerator.

    python -m bench.analysis.batching [--call-ms 5] [--face-ms 0.05] [--seconds 5] [--rounds 3] [--quick] [--json FILE]

The stand-in takes a fixed time a call and little a face, without using a core, and runs one call at a time, for all processes
together: so batches count as they would on a GPU, on any machine. The rest is the worker's code. Three tables:

- faces of one photo: a call a face, beside the worker, which sends all faces of a photo in one call, padded to a batch size;
- faces of several photos: the worker, which sends a call a photo, beside one call for four photos. The worker doesn't join photos,
  so the ratio is what it would gain if the accelerator were its limit;
- worker processes that share the accelerator, each with a photo at a time: how much of its time the accelerator works. While that
  is well below all, joining photos would gain nothing.
"""

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier, Lock
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import describe_machine
from db.core.vocabulary import CROP_SIDE, EMOTIONS, Detector
from emoscope.stack.demo_photos import compose_page, encode_jpeg, load_portrait
from worker.analysis.classifier import Classifier, Crops, Probabilities, TensorFlowClassifier
from worker.analysis.detectors.loading import load_detector
from worker.analysis.pipeline import analyze_photo

_FACES_OF_A_PHOTO = (1, 2, 7, 20, 64)
_JOINED_PHOTOS = 4
_PROCESSES = (1, 2, 4)
_READY_TIMEOUT_S = 120
_MAX_PIXELS, _MIN_FACE_PX = 40_000_000, 24


class StandIn(Classifier):
    """An accelerator of fixed cost. busy_s: how long it has worked; calls: how often."""

    runtime = "stand-in"
    batch_sizes = TensorFlowClassifier.batch_sizes

    def __init__(self, call_ms: float, face_ms: float, card: Lock) -> None:
        self._call_s, self._face_s, self._card = call_ms / 1000, face_ms / 1000, card
        self.busy_s, self.calls = 0.0, 0

    def load(self, artifact_dir: Path) -> None:
        """There is nothing to load."""

    def _classify_batch(self, batch: Crops) -> Probabilities:
        needed_s = self._call_s + len(batch) * self._face_s
        with self._card:
            time.sleep(needed_s)
        self.busy_s += needed_s
        self.calls += 1
        return np.full((len(batch), len(EMOTIONS)), 1 / len(EMOTIONS), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--call-ms", type=float, default=5.0, help="time of a call without faces")
    parser.add_argument("--face-ms", type=float, default=0.05, help="time of each face of a call")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round with several processes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the same rows as JSON")
    given = parser.parse_args()
    rounds, seconds = (1, 0.3) if given.quick else (given.rounds, given.seconds)
    cost = (given.call_ms, given.face_ms)
    stand_in = StandIn(*cost, multiprocessing.Lock())
    rows = [compare_photo(stand_in, faces, rounds) for faces in _FACES_OF_A_PHOTO]
    rows += [compare_photos(stand_in, faces, rounds) for faces in _FACES_OF_A_PHOTO[:3]]
    print(f"| faces | ours, {given.call_ms:g} ms a call | the other | other to ours |\n| --- | --- | --- | --- |")
    for row in rows:
        spread = "{:.2f} ({:.2f} to {:.2f})".format(*row["ratio"])
        print(f"| {row['faces']} | {row['ours_ms']:.1f} ms | {row['other']}: {row['other_ms']:.1f} ms | {spread} |")
    shared = [share(processes, cost, seconds, rounds) for processes in (_PROCESSES[:2] if given.quick else _PROCESSES)]
    print("\n| processes | photos a second | least to greatest | accelerator busy |\n| --- | --- | --- | --- |")
    for each in shared:
        least, greatest = each["spread"]
        print(f"| {each['processes']} | {each['photos_a_second']} | {least} to {greatest} | {each['busy']:.0%} |")
    if given.json:
        result = {
            "machine": describe_machine(), "call_ms": given.call_ms, "face_ms": given.face_ms, "rows": rows, "shared": shared
        }  # fmt: skip
        given.json.write_text(json.dumps(result, indent=1) + "\n")


def compare_photo(stand_in: StandIn, faces: int, rounds: int) -> dict[str, Any]:
    """Classify the faces of one photo as the worker does, and by a call a face."""
    crops = np.zeros((faces, CROP_SIDE, CROP_SIDE), np.uint8)
    ours = [clock(lambda: stand_in.classify(crops)) for _ in range(rounds)]
    others = [clock(lambda: [stand_in.classify(crop[None]) for crop in crops]) for _ in range(rounds)]
    return make_row(f"{faces} of one photo", ours, "a call a face", others)


def compare_photos(stand_in: StandIn, faces: int, rounds: int) -> dict[str, Any]:
    """Classify several photos by a call a photo, as the worker does, and all of them in one call."""
    crops = np.zeros((_JOINED_PHOTOS, faces, CROP_SIDE, CROP_SIDE), np.uint8)
    joined = crops.reshape(-1, CROP_SIDE, CROP_SIDE)
    ours = [clock(lambda: [stand_in.classify(photo) for photo in crops]) for _ in range(rounds)]
    others = [clock(lambda: stand_in.classify(joined)) for _ in range(rounds)]
    return make_row(f"{faces} of each of {_JOINED_PHOTOS} photos", ours, "one call", others)


def make_row(faces: str, ours: Sequence[float], other: str, others: Sequence[float]) -> dict[str, Any]:
    """Return medians, and the ratio with minimum and maximum."""
    ratios = [two / one for one, two in zip(ours, others, strict=True)]
    found = [round(each, 2) for each in (statistics.median(ratios), min(ratios), max(ratios))]
    times = {"ours_ms": round(statistics.median(ours), 2), "other_ms": round(statistics.median(others), 2)}
    return {"faces": faces, "other": other, **times, "ratio": found}


def clock(work: Callable[[], object]) -> float:
    """Return milliseconds of wall-clock time: the stand-in uses no processor."""
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def share(processes: int, cost: tuple[float, float], seconds: float, rounds: int) -> dict[str, Any]:
    """Have processes analyse photos of one and of seven faces in turn, with one accelerator."""
    context = multiprocessing.get_context("spawn")
    card, results = context.Lock(), context.SimpleQueue()
    barrier = context.Barrier(processes)
    arguments = (cost, card, barrier, results, seconds, rounds)
    started = [context.Process(target=analyze, args=arguments, daemon=True) for _ in range(processes)]
    for each in started:
        each.start()
    found = [results.get() for _ in started]
    for each in started:
        each.join()
    rates = [sum(taken[number][0] for taken in found) for number in range(rounds)]
    busy = statistics.median(sum(taken[number][1] for taken in found) for number in range(rounds))
    return {
        "processes": processes, "photos_a_second": round(statistics.median(rates), 1),
        "spread": [round(min(rates), 1), round(max(rates), 1)], "busy": round(busy, 3),
    }  # fmt: skip


def analyze(cost: tuple[float, float], card: Lock, barrier: Barrier, results: Any, seconds: float, rounds: int) -> None:
    """Analyse photos as a worker process. Puts photos a second and the accelerator's busy share of each round."""
    detector, stand_in = load_detector(Detector.BLAZEFACE), StandIn(*cost, card)
    photos = (encode_jpeg(load_portrait("astronaut").image), compose_page().data)
    found = []
    for _ in range(rounds):
        barrier.wait(_READY_TIMEOUT_S)
        began, busy, done = time.perf_counter(), stand_in.busy_s, 0
        while (passed := time.perf_counter() - began) < seconds:
            photo = photos[done % len(photos)]
            analyze_photo(photo, detector, stand_in, max_pixels=_MAX_PIXELS, min_face_px=_MIN_FACE_PX)
            done += 1
        found.append((done / passed, (stand_in.busy_s - busy) / passed))
    results.put(found)


if __name__ == "__main__":
    main()
