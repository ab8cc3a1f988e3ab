"""The client of a running emulator, or of one in the same process."""

from emulator.client.emulator import Emulator
from emulator.client.line import ClientError, ask_emulator

__all__ = ["ClientError", "Emulator", "ask_emulator"]
