"""The emulator as a program: its parts put together, sockets, processes, settings."""
