"""What came by SMPP outlives the process, as what came by HTTP does."""

import time
from pathlib import Path
from typing import Any

from tests.support.emulator import Api
from tests.support.processes import DEADLINE
from tests.support.smpp import (
    DELIVER_SM,
    ENQUIRE_LINK,
    SmppClient,
    get_response_id,
    open_smsc,
    pack_pdu,
    pack_submit,
)
from tests.support.worlds import keep_worlds

DELAYED = {"operation": "submit_sm", "effect": {"delay": 5}}


def written(api: Api, caller: SmppClient) -> None:
    """Let the loop run until the disk has all exchanges."""
    keeper: Any = api.world.shared.store
    deadline = time.monotonic() + DEADLINE
    while keeper._dirty_journals:  # noqa: SLF001
        assert time.monotonic() < deadline
        caller.turn()


def test_a_message_its_receipt_and_all_that_was_said_are_kept(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api, open_smsc(api) as smsc:
        api.post("/_emulator/clock/freeze")
        api.post("/_emulator/faults", json=DELAYED)
        caller = smsc.bind()
        caller.say(pack_submit(2, registered=1))
        caller.turn()
        api.post("/_emulator/clock/advance", json={"seconds": 5})
        message = int(caller.hear().body[:-1])
        balance = api.world.balance
        written(api, caller)
        caller.hang_up()
        caller.turn()
        said = [each.operation for each in api.world.journal]

    with keep_worlds(tmp_path) as api, open_smsc(api) as smsc:
        again = [each.operation for each in api.world.journal]
        assert again == said == ["bind_transceiver", "submit_sm", "closed"]
        assert api.world.balance == balance
        caller = smsc.bind()
        api.post("/_emulator/clock/advance", json={"seconds": 600})
        receipt = caller.hear()
        caller.say(pack_pdu(get_response_id(DELIVER_SM), receipt.sequence, b"\0"))
        caller.turn()

    assert f"id:{message} ".encode() in receipt.body
    assert b"stat:DELIVRD" in receipt.body
    with keep_worlds(tmp_path) as api, open_smsc(api) as smsc:
        caller = smsc.bind()
        api.post("/_emulator/clock/advance", json={"seconds": 600})
        alive = pack_pdu(ENQUIRE_LINK, 7)
        assert caller.ask(alive).command == get_response_id(ENQUIRE_LINK)
