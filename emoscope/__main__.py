"""`python -m emoscope` is `emoscope`."""

from emoscope.cli import main

main()
