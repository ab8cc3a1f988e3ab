"""``python -m emulator`` is the command line."""

from emulator.command.main import main

main()
