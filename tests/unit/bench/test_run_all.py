"""What `make bench` runs."""

import importlib.util
import subprocess
from pathlib import Path

from bench.run_all import list_benches

ROOT = Path(__file__).parents[3]


def test_every_bench_that_it_runs_is_there() -> None:
    benches = list_benches()
    assert len(benches) >= 10
    for module, arguments in benches.items():
        spec = importlib.util.find_spec(module)
        assert spec is not None, module
        assert spec.origin is not None
        source = Path(spec.origin).read_text()
        for option in arguments:
            assert not option.startswith("--") or f'"{option}"' in source, (module, option)


def test_make_bench_runs_them() -> None:
    shown = subprocess.run(["make", "-n", "bench"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "-m bench.run_all" in shown.stdout
