"""`python -m emoscope`, the same as `emoscope`."""

import sys
from pathlib import Path

# `-m` puts the current folder first in sys.path, where another project's `db.py` would shadow ours.
if not sys.flags.safe_path and sys.path and Path(sys.path[0]) != Path(__file__).parent.parent:
    del sys.path[0]

from emoscope.cli.app import main

main()
