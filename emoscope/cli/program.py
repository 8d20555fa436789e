"""How to start the program again, for hints that people copy."""

import shutil
import sys
from pathlib import Path

NAME = "emoscope"


def name_program(started_as: str | None = None) -> str:
    """What to type for `emoscope`, here and now: the bare name only where the shell finds this very program by it.

    started_as: the path that the program was started by; None means sys.argv[0]. Anybody else's program gets the bare name.
    """
    path = Path(sys.argv[0] if started_as is None else started_as)
    if path.name == "__main__.py" and path.parent.name == NAME:
        return f"python -m {NAME}"
    if path.name != NAME:
        return NAME
    found = shutil.which(NAME)
    is_found = found is not None and path.exists() and path.samefile(found)
    return NAME if is_found else str(path)
