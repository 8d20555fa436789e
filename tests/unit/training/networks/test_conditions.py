import numpy as np

from db.core.vocabulary import Architecture
from training.export.calibration import degrade_images
from training.export.lite import LiteModel
from training.export.served import build_served, convert_to_tflite, predict
from training.networks.build import build_network
from training.networks.conditions import FEATURES, ConditionWeights, fit_conditions
from training.networks.normalize import LEAST_STD, normalize_faces

RANDOM = np.random.default_rng(0)
FACES = np.clip(RANDOM.normal(128, 55, (8, 48, 48)), 0, 255).astype(np.uint8)


def test_a_dark_crop_gets_the_usual_contrast_and_another_stays():
    dark = (FACES[:1] * 0.1).astype(np.float32)[..., None]
    stretched = np.asarray(normalize_faces(dark))
    assert stretched.std() > LEAST_STD > dark.std()
    usual = FACES[:1].astype(np.float32)[..., None]
    assert (np.asarray(normalize_faces(usual)) == usual).all()


def test_a_crop_of_one_grey_stays_finite():
    assert np.isfinite(np.asarray(normalize_faces(np.full((1, 48, 48, 1), 7, np.float32)))).all()


def test_faces_that_are_answered_worse_get_a_higher_temperature():
    features = RANDOM.normal(size=(4000, FEATURES)).astype(np.float32)
    is_hard = features[:, 5] > 0
    truth = RANDOM.integers(0, 7, 4000)
    answers = np.where(is_hard & (RANDOM.random(4000) < 0.6), (truth + 1) % 7, truth)
    logits = np.eye(7, dtype=np.float32)[answers] * 4
    found = fit_conditions(features, logits, truth, np.ones(4000, np.float32))
    raised = features @ found.weights + found.bias
    assert raised[is_hard].mean() > raised[~is_hard].mean() + 0.5
    assert abs(found.weights[5]) == np.abs(found.weights).max()


def test_both_forms_answer_alike_with_contrast_and_conditions_inside():
    weights = ConditionWeights(RANDOM.normal(0, 0.1, FEATURES).astype(np.float32), 0.1)
    network = build_network(Architecture.SMALL)
    served = build_served(network, temperature=0.7, mirrored=True, side=40, normalized=True, conditions=weights)
    plain = build_served(network, temperature=0.7, mirrored=True, side=40, normalized=True)
    crops = np.concatenate([FACES, FACES // 8, np.zeros((1, 48, 48), np.uint8)])
    given = predict(served, crops)
    assert np.abs(LiteModel(convert_to_tflite(served)).predict(crops) - given).max() < 1e-4
    assert (given.argmax(axis=1) == predict(plain, crops).argmax(axis=1)).all()
    assert np.abs(given - predict(plain, crops)).max() > 1e-3


def test_degraded_copies_differ_by_seed_and_repeat():
    first = degrade_images(FACES, seed=1)
    assert (first == degrade_images(FACES, seed=1)).all()
    assert (first != degrade_images(FACES, seed=2)).any()
