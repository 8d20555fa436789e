"""`python -m emoscope` is `emoscope`."""

import sys
from pathlib import Path

# `-m` puts the current folder first, and a `db.py` of another project in it would be taken for ours.
if not sys.flags.safe_path and sys.path and Path(sys.path[0]) != Path(__file__).parent.parent:
    del sys.path[0]

from emoscope.cli.app import main

main()
