"""What came by SMPP outlives the process, as what came by HTTP does."""

import time
from pathlib import Path
from typing import Any

from tests.emulated import Api
from tests.served import DEADLINE
from tests.smpp import packed
from tests.smpp.dialled import Caller, listening
from tests.smpp.packed import resp
from tests.stored import kept

DELAYED = {"operation": "submit_sm", "effect": {"delay": 5}}


def written(api: Api, caller: Caller) -> None:
    """Let the loop run until the disk has all exchanges."""
    keeper: Any = api.world.shared.store
    deadline = time.monotonic() + DEADLINE
    while keeper._grown:  # noqa: SLF001
        assert time.monotonic() < deadline
        caller.turn()


def test_a_message_its_receipt_and_all_that_was_said_are_kept(tmp_path: Path) -> None:
    with kept(tmp_path) as api, listening(api) as phone:
        api.post("/_emulator/clock/freeze")
        api.post("/_emulator/faults", json=DELAYED)
        caller = phone.bound()
        caller.say(packed.submit(2, registered=1))
        caller.turn()
        api.post("/_emulator/clock/advance", json={"seconds": 5})
        message = int(caller.hear().body[:-1])
        balance = api.world.balance
        written(api, caller)
        caller.hang_up()
        caller.turn()
        said = [each.operation for each in api.world.journal]

    with kept(tmp_path) as api, listening(api) as phone:
        again = [each.operation for each in api.world.journal]
        assert again == said == ["bind_transceiver", "submit_sm", "closed"]
        assert api.world.balance == balance
        caller = phone.bound()
        api.post("/_emulator/clock/advance", json={"seconds": 600})
        receipt = caller.hear()
        caller.say(packed.packet(resp(packed.DELIVER_SM), receipt.sequence, b"\0"))
        caller.turn()

    assert f"id:{message} ".encode() in receipt.body
    assert b"stat:DELIVRD" in receipt.body
    with kept(tmp_path) as api, listening(api) as phone:
        caller = phone.bound()
        api.post("/_emulator/clock/advance", json={"seconds": 600})
        alive = packed.packet(packed.ENQUIRE_LINK, 7)
        assert caller.ask(alive).command == resp(packed.ENQUIRE_LINK)
