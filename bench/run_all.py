"""Runs every bench that needs no dataset and no other installation, in its short form.

    python -m bench.run_all [--full] [NAME ...]

NAME: part of a bench's module name, such as `analysis`. --full: the complete form of each bench, which takes hours. Exits with
status 1 if a bench fails. The help of the other benches names what they need.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from time import monotonic

SHORT_FORMS = {
    "bench.analysis.photo_times": ["--repeats", "3"],
    "bench.analysis.runtimes": ["--repeats", "3"],
    "bench.detectors.compare": ["--timings-only", "--detectors", "blazeface"],
    "bench.pages": ["--faces", "5000"],
    "bench.review_queue": ["--faces", "5000"],
    "bench.service.steady_memory": ["--jobs", "100"],
    "bench.service.swap_under_load": ["--swaps", "1"],
    "bench.training.precision": ["--network", "report", "--side", "48", "--rows", "64", "--rounds", "1"],
    "bench.training.throughput": ["--rows", "256", "--rounds", "1"],
}
"""Arguments for the short form of a bench. Benches with `--quick` need no entry."""

_ROOT = Path(__file__).parent


def list_benches() -> dict[str, list[str]]:
    """Return the benches that run without arguments, with the arguments of their short form."""
    found = dict(SHORT_FORMS)
    for path in _ROOT.rglob("*.py"):
        source = path.read_text()
        if path != Path(__file__) and '"--quick"' in source and "required=True" not in source:
            found[".".join(("bench", *path.relative_to(_ROOT).with_suffix("").parts))] = ["--quick"]
    return dict(sorted(found.items()))


def main() -> None:
    """Run the benches."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--full", action="store_true")
    asked = parser.parse_args()
    failed = []
    for module, short in list_benches().items():
        if asked.names and not any(name in module for name in asked.names):
            continue
        arguments = [] if asked.full else short
        print(f"== {module} {' '.join(arguments)}", flush=True)
        began = monotonic()
        if subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode:
            failed.append(module)
        print(f"-- {monotonic() - began:.0f} s\n", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
