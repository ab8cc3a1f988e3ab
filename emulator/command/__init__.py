"""The command line: serve an emulator, or command one that runs."""
