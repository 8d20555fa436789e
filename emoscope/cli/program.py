"""Names the program in hints, so that users can copy them."""

import shutil
import sys
from pathlib import Path

NAME = "emoscope"


def name_program(started_as: str | None = None) -> str:
    """Return how to call `emoscope` here: the bare name only if the shell would find this very program.

    started_as: path by which the program was started; None means sys.argv[0]. For another user's program it returns the bare
    name.
    """
    path = Path(sys.argv[0] if started_as is None else started_as)
    if path.name == "__main__.py" and path.parent.name == NAME:
        return f"python -m {NAME}"
    if path.name != NAME:
        return NAME
    found = shutil.which(NAME)
    is_found = found is not None and path.exists() and path.samefile(found)
    return NAME if is_found else str(path)
