import numpy as np
import pytest

from tests.support.softening import soften
from training.evaluation.calibrate import fit_temperature
from training.evaluation.metrics import measure_calibration_error


def test_temperature_mends_overconfidence() -> None:
    random = np.random.default_rng(3)
    honest = random.normal(0, 1.5, (6000, 7))
    truth = np.array([random.choice(7, p=row / row.sum()) for row in soften(honest).astype(float)])
    sure = honest * 3
    temperature = fit_temperature(sure.astype(np.float32), truth)
    assert temperature == pytest.approx(3, rel=0.1)
    assert measure_calibration_error(soften(sure), truth) > 0.15
    assert measure_calibration_error(soften(sure / temperature), truth) < 0.03
