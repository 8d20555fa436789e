import numpy as np

from tests.support.grey_faces import FACES, RANDOM
from tests.support.networks import build_quick_network
from training.export.lite import LiteModel
from training.export.served import build_served, convert_to_tflite, predict
from training.networks.conditions import FEATURES, ConditionWeights, fit_conditions


def test_faces_that_are_answered_worse_get_a_higher_temperature() -> None:
    features = RANDOM.normal(size=(4000, FEATURES)).astype(np.float32)
    is_hard = features[:, 5] > 0
    truth = RANDOM.integers(0, 7, 4000)
    answers = np.where(is_hard & (RANDOM.random(4000) < 0.6), (truth + 1) % 7, truth)
    logits = np.eye(7, dtype=np.float32)[answers] * 4
    found = fit_conditions(features, logits, truth, np.ones(4000, np.float32))
    raised = features @ found.weights + found.bias
    assert raised[is_hard].mean() > raised[~is_hard].mean() + 0.5
    assert abs(found.weights[5]) == np.abs(found.weights).max()


def test_both_forms_answer_alike_with_contrast_and_conditions_inside() -> None:
    weights = ConditionWeights(RANDOM.normal(0, 0.1, FEATURES).astype(np.float32), 0.1)
    network = build_quick_network()
    served = build_served(network, temperature=0.7, flip=True, input_size=40, normalized=True, conditions=weights)
    plain = build_served(network, temperature=0.7, flip=True, input_size=40, normalized=True)
    crops = np.concatenate([FACES, FACES // 8, np.zeros((1, 48, 48), np.uint8)])
    given = predict(served, crops)
    assert np.abs(LiteModel(convert_to_tflite(served)).predict(crops) - given).max() < 1e-4
    assert (given.argmax(axis=1) == predict(plain, crops).argmax(axis=1)).all()
    assert np.abs(given - predict(plain, crops)).max() > 1e-3
