"""Imports libraries without packages that they import where these are installed, and that no process of the service uses.

Import this module first. structlog imports rich, to draw tracebacks, and redis imports the SDK of OpenTelemetry, for metrics of its
own. Together they take 6 MB and 0.05 s in each process. Both stay importable: traces use OpenTelemetry, the command line uses rich.
"""

import importlib
import sys
from contextlib import suppress

_UNUSED = {"structlog": "rich", "redis": "opentelemetry"}
"""Library -> the package that it imports where that is installed, and does without where it isn't."""


def import_lean() -> None:
    """Import these libraries, each without the package that it can do without. Modules that are already imported stay unchanged."""
    for library, unused in _UNUSED.items():
        if library in sys.modules or unused in sys.modules:
            continue
        sys.modules[unused] = None  # type: ignore[assignment]  # an import of it then fails as if it weren't installed
        try:
            with suppress(ImportError):
                importlib.import_module(library)
        finally:
            del sys.modules[unused]


import_lean()
