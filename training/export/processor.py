"""Capabilities of this machine's processor."""

import platform
from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})
"""Dot products of 8-bit integers: x86's VNNI, Arm's DotProd. XNNPACK has kernels for each. Without them, int8 isn't faster."""


@cache
def has_int8_dot_product(cpuinfo: Path = CPUINFO) -> bool:
    """Return whether this processor has instructions for int8 dot products, with which int8 is faster."""
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"  # every Apple processor of this kind has DotProd
    try:
        text = cpuinfo.read_text()
    except OSError:
        return False
    return any(
        not _FLAGS.isdisjoint(line.split()) for line in text.splitlines() if line.startswith(("flags", "Features"))
    )
