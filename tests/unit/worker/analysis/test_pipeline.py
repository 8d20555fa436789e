import io
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from db.core.vocabulary import EMOTIONS
from db.photos.errors import PhotoError
from emoscope.stack.demo_photos import DemoPhoto, Placement, compose_page, encode_jpeg, load_portrait
from worker.analysis.classifier import Classifier
from worker.analysis.crops import crop_faces
from worker.analysis.decode import decode_photo, decode_reduced
from worker.analysis.detectors.base import Detector
from worker.analysis.pipeline import analyze_photo, enlarge_detections

analyze = partial(analyze_photo, max_pixels=20_000_000, min_face_px=24)


def test_every_face_has_box_score_probabilities_and_crop(
    blazeface: Detector, classifier: Classifier, page_photo: DemoPhoto
) -> None:
    analysis = analyze(page_photo.data, blazeface, classifier)
    assert (analysis.width, analysis.height) == (1280, 960)
    assert len(analysis.faces) == 7
    for face in analysis.faces:
        assert 0 <= face.box.x < face.box.x + face.box.width <= 1280
        assert 0.5 < face.detection_score <= 1
        assert sum(face.probabilities) == pytest.approx(1, abs=1e-5)
        assert face.emotion == EMOTIONS[int(np.argmax(face.probabilities))]
        assert face.confidence == max(face.probabilities)
        assert len(face.crop) == 48 * 48
    assert set(analysis.timings_ms) == {"decode", "detect", "crop", "classify", "measure"}


def test_stored_crop_is_what_was_judged(
    blazeface: Detector, classifier: Classifier, astronaut_photo: DemoPhoto
) -> None:
    (face,) = analyze(astronaut_photo.data, blazeface, classifier).faces
    crop = np.frombuffer(face.crop, np.uint8).reshape(1, 48, 48)
    assert classifier.classify(crop)[0] == pytest.approx(face.probabilities, abs=1e-6)


def test_photo_without_faces_has_none(blazeface: Detector, classifier: Classifier) -> None:
    analysis = analyze(encode_jpeg(Image.new("RGB", (300, 200), "green")), blazeface, classifier)
    assert (analysis.width, analysis.height, analysis.faces) == (300, 200, ())


def test_broken_photo_raises(blazeface: Detector, classifier: Classifier, astronaut_photo: DemoPhoto) -> None:
    with pytest.raises(PhotoError):
        analyze(astronaut_photo.data[:5000], blazeface, classifier)


def test_turned_photo_gives_boxes_of_the_upright_picture(blazeface: Detector, classifier: Classifier) -> None:
    portrait = load_portrait("grace_hopper").image
    exif = Image.Exif()
    exif[274] = 6
    buffer = io.BytesIO()
    portrait.transpose(Image.Transpose.ROTATE_90).save(buffer, "JPEG", exif=exif, quality=95)
    analysis = analyze(buffer.getvalue(), blazeface, classifier)
    (face,) = analysis.faces
    assert (analysis.width, analysis.height) == (512, 600)
    assert face.box.x + face.box.width / 2 == pytest.approx(263, abs=20)
    assert face.box.y + face.box.height / 2 == pytest.approx(223, abs=25)


def test_large_photo_gives_the_same_faces_as_its_pixels_without_reduction(
    blazeface: Detector, classifier: Classifier
) -> None:
    image = load_portrait("astronaut").image.resize((3000, 3000), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    (reduced,) = analyze(encode_jpeg(image), blazeface, classifier).faces
    (whole,) = analyze(buffer.getvalue(), blazeface, classifier).faces
    assert np.abs(np.array(reduced.box) - np.array(whole.box)).max() <= 12
    assert np.abs(np.array(reduced.probabilities) - np.array(whole.probabilities)).max() < 0.05


def test_small_faces_of_a_large_photo_are_cut_from_its_full_size(blazeface: Detector, classifier: Classifier) -> None:
    data = compose_page((Placement("grace_hopper", (700, 700), 110),), (2600, 1600)).data
    (face,) = analyze(data, blazeface, classifier).faces
    reduced = decode_reduced(data, max_pixels=20_000_000)
    found = blazeface.detect(reduced.picture, min_face_px=12)
    (from_full_size,) = crop_faces(
        decode_photo(data, max_pixels=20_000_000), enlarge_detections(found, reduced), blazeface.geometry
    )
    (from_reduced,) = crop_faces(reduced.picture, found, blazeface.geometry)
    assert face.crop == from_full_size.tobytes() != from_reduced.tobytes()


def test_wanted_size_and_threshold_are_kept_to(
    blazeface: Detector, classifier: Classifier, page_photo: DemoPhoto
) -> None:
    few = analyze_photo(page_photo.data, blazeface, classifier, max_pixels=20_000_000, min_face_px=150)
    assert all(max(face.box.width, face.box.height) >= 150 for face in few.faces)
    assert len(few.faces) == 2
    none = analyze(page_photo.data, blazeface, classifier, threshold=0.99)
    assert none.faces == ()


CPU_CHILD = """
import json, sys
from pathlib import Path
from worker.analysis.pipeline import analyze_photo
from worker.analysis.classifier import load_classifier
from worker.analysis.detectors.loading import load_detector
detector, classifier = load_detector("blazeface"), load_classifier(Path(sys.argv[1]), "litert")
classifier.warm()
faces = analyze_photo(sys.stdin.buffer.read(), detector, classifier, max_pixels=10**8, min_face_px=24).faces
resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
heavy = {"tensorflow", "keras", "dlib", "face_recognition", "mtcnn", "pandas", "pydantic", "pillow_heif"} & set(sys.modules)
print(json.dumps([len(faces), resident, sorted(heavy)]))
"""


def test_cpu_child_imports_nothing_heavy_and_stays_small(model_dir: Path, page_photo: DemoPhoto) -> None:
    process = subprocess.run(
        [sys.executable, "-c", CPU_CHILD, str(model_dir)], input=page_photo.data, capture_output=True, check=True
    )
    faces, resident_bytes, heavy = json.loads(process.stdout)
    assert faces == 7
    assert heavy == []
    assert resident_bytes < 300_000_000


def test_a_mirrored_head_is_turned_the_other_way(blazeface: Detector, classifier: Classifier) -> None:
    portrait = load_portrait("grace_hopper").image
    (face,) = analyze(encode_jpeg(portrait), blazeface, classifier).faces
    mirrored = portrait.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    (other,) = analyze(encode_jpeg(mirrored), blazeface, classifier).faces
    assert other.measures is not None
    assert face.measures is not None
    assert face.measures.yaw_deg is not None
    assert face.measures.roll_deg is not None
    assert other.measures.yaw_deg == pytest.approx(-face.measures.yaw_deg, abs=6)
    assert other.measures.roll_deg == pytest.approx(-face.measures.roll_deg, abs=4)
    assert face.measures.inside_share == 1
