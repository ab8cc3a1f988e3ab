"""``python -m emulator`` is the command line."""

from emulator.cli import main

main()
