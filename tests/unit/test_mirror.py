"""Whoever changes a module finds its tests at the same path below `tests/unit`."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {name: ROOT / name for name in ("api", "db", "emoscope", "training", "worker")} | {
    "emoscope_client": ROOT / "client/src/emoscope_client"
}

TO_BE_WRITTEN = {
    "api/accounts/test_audit_log_pages.py",
    "api/accounts/test_audit_log_routes.py",
    "api/accounts/test_key_routes.py",
    "api/accounts/test_user_routes.py",
    "api/core/test_errors.py",
    "api/core/test_security.py",
    "api/core/server/test_answers.py",
    "api/core/server/test_bodies.py",
    "api/core/server/test_bridge.py",
    "api/core/server/test_connection.py",
    "api/core/server/test_environ.py",
    "api/core/server/test_hangup.py",
    "api/core/server/test_parsing.py",
    "api/core/server/test_refusals.py",
    "api/core/server/test_threads.py",
    "api/core/server/test_worker.py",
    "api/core/test_services.py",
    "api/core/test_sessions.py",
    "api/jobs/test_batch_schemas.py",
    "api/jobs/test_options.py",
    "api/jobs/test_reading.py",
    "api/jobs/test_retry_routes.py",
    "api/jobs/test_schemas.py",
    "api/jobs/test_submission.py",
    "api/jobs/test_try_it_pages.py",
    "api/model_versions/test_metric_charts.py",
    "api/monitoring/test_dashboard.py",
    "api/monitoring/test_dashboard_pages.py",
    "api/monitoring/test_drift_pages.py",
    "api/monitoring/test_drift_routes.py",
    "api/monitoring/test_room.py",
    "api/monitoring/test_state_metrics.py",
    "api/photos/test_pages.py",
    "api/photos/test_render_pool.py",
    "api/reviews/test_required_votes.py",
    "api/reviews/test_schemas.py",
    "api/training_runs/test_pages.py",
    "api/training_runs/test_start.py",
    "api/web/test_blueprint.py",
    "api/web/test_formatting.py",
    "db/core/test_schema.py",
    "db/faces/test_measures.py",
    "db/faces/test_usability.py",
    "worker/analysis/detectors/test_base.py",
    "worker/analysis/detectors/test_blazeface_network.py",
    "worker/analysis/detectors/test_cnn.py",
    "worker/analysis/detectors/test_face_recognition_package.py",
    "worker/analysis/detectors/test_hog.py",
    "worker/analysis/detectors/test_mtcnn.py",
    "worker/analysis/detectors/test_yunet.py",
    "worker/core/test_beat_watch.py",
    "worker/core/test_broker.py",
    "worker/core/test_lifecycle.py",
    "worker/core/test_messages.py",
    "worker/core/test_parent.py",
    "worker/core/test_probe.py",
    "worker/core/test_queue_probe.py",
    "worker/core/test_services.py",
    "worker/core/test_stillness.py",
    "worker/core/test_stopping.py",
    "worker/core/test_watch.py",
    "worker/housekeeping/test_receivers.py",
    "worker/retraining/test_evaluation_sets.py",
    "training/data/test_audit.py",
    "training/data/test_augmentation.py",
    "training/data/test_compressed.py",
    "training/data/test_csv_layout.py",
    "training/evaluation/test_calibrate.py",
    "training/evaluation/test_card.py",
    "training/evaluation/test_report.py",
    "training/evaluation/test_stress.py",
    "training/export/test_calibration.py",
    "training/export/test_lite.py",
    "training/export/test_served.py",
    "training/export/test_version.py",
    "training/fit/test_resume.py",
    "training/fit/test_run_settings.py",
    "training/networks/test_normalize.py",
    "emoscope_client/test_errors.py",
    "emoscope_client/test_jobs.py",
}
"""Tests that are still to be moved or written, below `tests/unit`."""


def list_modules() -> Iterator[tuple[Path, Path]]:
    """Each module that defines a function, and where its tests belong. Paths from the repository's root."""
    for name, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            inside = path.relative_to(folder)
            if "migrations" not in inside.parts and defines_function(path.read_text()):
                tests = Path("tests/unit", name, inside.parent, f"test_{inside.stem}.py")
                yield path.relative_to(ROOT), tests


def defines_function(source: str) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(ast.parse(source)))


def test_each_module_that_defines_a_function_has_tests_at_its_path() -> None:
    missing = {str(tests) for _, tests in list_modules() if not (ROOT / tests).exists()}
    assert not missing - {f"tests/unit/{path}" for path in TO_BE_WRITTEN}


def test_what_is_still_to_be_written_is_not_there_yet() -> None:
    assert not [path for path in TO_BE_WRITTEN if (ROOT / "tests/unit" / path).exists()]


def test_what_has_nothing_to_test_needs_no_tests() -> None:
    assert not defines_function("from enum import StrEnum\n\nclass Colour(StrEnum):\n    RED = 'red'\n")
    assert defines_function("class Door:\n    async def open(self) -> None: ...\n")
