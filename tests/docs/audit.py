"""`python -m tests.docs.audit UV`: known vulnerabilities of the locked packages, found by pip-audit.

It reports that it was skipped if the tool or its data can't be reached; it must not look like a clean result.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_AUDIT = "pip-audit==2.10.1"
_EXPORT = ("export", "--frozen", "--all-extras", "--no-emit-workspace", "--no-hashes", "--quiet", "--output-file")


@dataclass(frozen=True)
class Audit:
    """What came of it. vulnerable: a line for each finding."""

    looked_up: int
    skipped: int
    vulnerable: tuple[str, ...]

    @property
    def is_skipped(self) -> bool:
        """Whether nothing was looked up."""
        return self.looked_up == 0

    def describe(self) -> str:
        """What to tell people."""
        if self.is_skipped:
            return f"SKIPPED: the data of known vulnerabilities can't be reached; none of {self.skipped} packages was looked up"
        missing = f", {self.skipped} could not be looked up" if self.skipped else ""
        lines = [f"{self.looked_up} packages looked up{missing}, {len(self.vulnerable)} known vulnerabilities"]
        return "\n".join([*lines, *self.vulnerable])


def read_audit(document: dict[str, Any]) -> Audit:
    """Read what pip-audit wrote as JSON."""
    packages = document["dependencies"]
    known = [package for package in packages if "skip_reason" not in package]
    return Audit(
        looked_up=len(known),
        skipped=len(packages) - len(known),
        vulnerable=tuple(
            f"{package['name']} {package['version']}: {each['id']}, mended in {', '.join(each['fix_versions']) or 'none'}"
            for package in known
            for each in package["vulns"]
        ),
    )


def main() -> int:
    """Print what was found. Returns 1 if a package has a known vulnerability."""
    uv = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        locked = Path(folder) / "locked.txt"
        subprocess.run([uv, *_EXPORT, str(locked)], check=True)
        command = (uv, "tool", "run", "--quiet", _AUDIT, "--requirement", str(locked), "--no-deps", "--disable-pip")
        done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=False)
    try:
        audit = read_audit(json.loads(done.stdout))
    except ValueError:
        reason = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        print(f"SKIPPED: pip-audit can't work here: {reason}")
        return 0
    print(audit.describe())
    return 1 if audit.vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
