"""`python -m emoscope` is `emoscope`."""

from emoscope.cli.app import main

main()
