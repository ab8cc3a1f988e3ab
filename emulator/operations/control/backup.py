"""A copy of the data directory's file while its worlds are served."""

from emulator.domain.emulator_refusals import BACKUP_IMPOSSIBLE
from emulator.domain.platform_refusals import SERVER_ERROR
from emulator.domain.refusals import Refusal
from emulator.operations.call import (
    OperationCall,
    OperationResult,
    OperationSteps,
    Pause,
)
from emulator.world import StoreWriteError, World
from emulator.worlds import WorldDirectory

LOOK_AGAIN = 0.01  # seconds of the wall


def take_backup(
    worlds: WorldDirectory, _world: World, _call: OperationCall
) -> OperationSteps:
    """Return the file of all worlds of this process as it is at one moment.

    Refuses where nothing is kept, while another copy is made, and where the disk does.
    """
    store, waited = worlds.store, 0.0
    try:
        copy = store.begin_copy()
        if copy is None:
            why = "another copy is being made; ask again when it is over"
            if not store.is_durable:
                why = "worlds are in memory only; serve with --data"
            raise Refusal(BACKUP_IMPOSSIBLE, why)
        try:
            while not copy.is_done:
                waited += LOOK_AGAIN
                yield Pause(seconds=waited)
        except GeneratorExit:  # the client has gone
            copy.discard()
            raise
        return OperationResult(None, pieces=copy.read_pieces())
    except StoreWriteError as error:
        raise Refusal(SERVER_ERROR, f"{error}, so there is no copy") from error
