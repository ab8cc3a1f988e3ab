"""What a command that failed is answered with."""

import logging

from emulator.domain.command_status import CommandStatus, SmppRefusal
from emulator.domain.refusals import Refusal
from emulator.operations.platform.smpp import decline_refusal
from emulator.smsc.command_context import CommandContext

log = logging.getLogger("emulator")


def map_command_error(error: Exception, context: CommandContext) -> SmppRefusal:
    """Return how SMPP says no; a mistake of ours is in the log."""
    if isinstance(error, SmppRefusal):
        return error
    if isinstance(error, Refusal):
        return decline_refusal(error, context.world)
    log.error("command 0x%X failed", context.pdu.command, exc_info=error)
    why = "the emulator made a mistake; its log has the traceback"
    return SmppRefusal(CommandStatus.ESME_RSYSERR, why)
