# mypy: ignore-errors
"""`python -m tests.docs.licences > docs/licences.md`: the licence of every installed package."""

import re
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions

FROM_FILES = {
    "axe-playwright-python": "MIT",
    "matplotlib": "PSF-2.0 (matplotlib's own)",
    "namex": "Apache-2.0",
    "optree": "Apache-2.0",
    "scipy": "BSD-3-Clause",
    "cycler": "BSD-3-Clause",
    "pandas": "BSD-3-Clause",
}
"""Read in the package's licence file, where its metadata names none in a few words."""
OURS = {"emoscope", "emoscope-client"}
COPYLEFT = {
    "psycopg": "imported as it is: its users may replace it",
    "psycopg-binary": "imported as it is: its users may replace it",
    "pillow-heif": "its own code is BSD-3-Clause; the wheel carries libheif and libde265 (LGPL-3.0) and x265 (GPL-2.0)",
}
"""Packages under a licence that asks for more than a notice, and why they may be used."""
_WORDS = ("GPL", "General Public")


def normalize_name(package: Distribution) -> str:
    """Its name in the form that the index compares by."""
    return re.sub("[-_.]+", "-", package.name).lower()


def find_licence(package: Distribution) -> str:
    """Its licence in a few words; empty if its metadata and our own list say nothing."""
    known = FROM_FILES.get(normalize_name(package))
    expression = package.metadata.get("License-Expression")
    classifiers = [
        line.rsplit("::", 1)[-1].strip()
        for line in package.metadata.get_all("Classifier") or []
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    ]
    text = (package.metadata.get("License") or "").strip()
    short = text if text and "\n" not in text and len(text) < 60 else ""
    return known or expression or ", ".join(classifiers) or short


def list_packages() -> dict[str, Distribution]:
    """What is installed and not ours, by name. What setuptools adds to the import path is left out."""
    paths = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    found = {normalize_name(package): package for package in distributions(path=paths)}
    return {name: package for name, package in sorted(found.items()) if name not in OURS}


def find_faults(packages: Iterable[Distribution]) -> list[str]:
    """A sentence for each package without a known licence, and for each of the copyleft kind that isn't named above."""
    faults = []
    for package in packages:
        name, licence = normalize_name(package), find_licence(package)
        if not licence:
            faults.append(f"{name} names no licence: read its file, and add it to FROM_FILES")
        if any(word in licence for word in _WORDS) and name not in COPYLEFT:
            faults.append(f"{name} is under {licence}: say in COPYLEFT why it may be used")
    return faults


def main() -> int:
    """Print the page. Returns 1 if there are faults."""
    packages = list_packages()
    print("# Licences of the packages\n")
    print(
        "Packages that are installed with all extras and for development. Written by `python -m tests.docs.licences`.\n"
    )
    print("| package | licence | |\n| --- | --- | --- |")
    for name, package in packages.items():
        print(f"| {name} | {find_licence(package)} | {COPYLEFT.get(name, '')} |")
    faults = find_faults(packages.values())
    print(*faults, sep="\n", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
