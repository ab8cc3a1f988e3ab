"""Who may bind to a world."""

from emulator.domain.access import BindConfig
from emulator.domain.command_status import CommandStatus, SmppRefusal
from emulator.smpp.bodies import BindBody
from emulator.world import World


def require_bindable(world: World, bind: BindConfig, body: BindBody) -> None:
    """Decline a stranger, and one session too many.

    Source: SMPP 3.4, 4.1.
    """
    if bind.password not in (None, body.password.decode("latin-1")):
        raise SmppRefusal(CommandStatus.ESME_RINVPASWD, "the password is another")
    if not world.account.services.get("smpp", True):
        why = "the world file switches services.smpp off"
        raise SmppRefusal(CommandStatus.ESME_RBINDFAIL, why)
    others = [each.system_id for each in world.sessions.values()]
    if bind.max_binds and others.count(bind.system_id) >= bind.max_binds:
        why = f"{bind.system_id} may be bound {bind.max_binds} times"
        raise SmppRefusal(CommandStatus.ESME_RBINDFAIL, why)
