"""Describes the machine of a bench, for the files in bench/results."""

import os
import platform
import subprocess
from pathlib import Path

_FLAGS = ("avx2", "avx512f", "avx512_vnni", "amx_int8")


def describe_machine() -> dict[str, object]:
    """Return processor, cores, the CPU flags that affect networks, memory, Python, and the commit that ran."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    facts = dict(line.partition(":")[::2] for line in text.splitlines() if ":" in line)
    names = {name.strip(): value.strip() for name, value in facts.items()}
    flags = set(names.get("flags", "").split())
    load = os.getloadavg()[0]
    return {
        "processor": names.get("model name", platform.processor()),
        "cores": os.cpu_count(),
        "flags": [flag for flag in _FLAGS if flag in flags],
        "python": platform.python_version(),
        "load_at_the_end": round(load, 1),
        "commit": _find_commit(),
    }


def _find_commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
