"""What clients of SMPP depend on is shown by tests on sockets, each by its number.

``@pytest.mark.behaviour(13)``, and ``pytest tests/smpp -k behaviour13`` runs those.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

BEHAVIOURS = {
    1: "a session is open, bound, unbound and closed, one a connection",
    2: "a bind is answered with our system_id and sc_interface_version",
    3: "an answer that declines has no body",
    4: "who is not bound is told why, and may try again until the timer is up",
    5: "who is bound is not bound again",
    6: "only a transmitter may send",
    7: "a client of 3.3 gets no parameters; a later version is taken as ours",
    8: "several binds of one system_id, up to a limit",
    9: "fields of a bind longer than specified are taken; ours are short enough",
    10: "unbind, by either side",
    11: "outbind",
    12: "frames by command_length only, however the octets come",
    13: "a length that no PDU has ends the session at once",
    14: "an unknown command is nacked",
    15: "a broken body is declined and the session lives; an unknown TLV is ignored",
    16: "each request has one answer, in order, duplicates included",
    17: "a limit of the window",
    18: "an answer to nothing is ignored",
    19: "our own sequence numbers grow from 1 and begin again",
    20: "nothing that is asked is left silent",
    21: "timers",
    22: "the message_id is that of HTTP",
    23: "what is wrong is declined by its name",
    24: "too little credit is a status of its own and costs nothing",
    25: "modes and headers in esm_class",
    26: "data codings",
    27: "short_message and message_payload",
    28: "long messages",
    29: "times",
    30: "replace_if_present_flag",
    31: "submit_multi, data_sm, query_sm, cancel_sm, replace_sm, alert_notification",
    32: "the answer comes before the receipt",
    33: "registered_delivery",
    34: "the fields of a receipt",
    35: "the text of a receipt",
    36: "the parameters of a receipt",
    37: "receipts go round robin to receivers of their client",
    38: "receipts are held, and sent again",
    39: "so many receipts without an answer",
    40: "a receipt is acknowledged in many ways",
    41: "replies never come by SMPP",
    42: "TLS",
    43: "one account behind both doors",
    44: "every PDU is on record",
}

SOCKETS = frozenset({"smsc", "make_smsc", "SmppSocket"})  # what sees octets is named so


def shown(code: str) -> Iterator[int]:
    """Yield the numbers that tests on sockets show."""
    for each in ast.walk(ast.parse(code)):
        if isinstance(each, ast.FunctionDef) and not SOCKETS.isdisjoint(names(each)):
            for mark in each.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(
                    ".behaviour"
                ):
                    yield from (ast.literal_eval(number) for number in mark.args)


def names(function: ast.FunctionDef) -> set[str]:
    used = {each.id for each in ast.walk(function) if isinstance(each, ast.Name)}
    return used | {each.arg for each in function.args.args}


def test_each_behaviour_is_shown_on_a_socket() -> None:
    files = Path(__file__).parent.glob("test_*.py")
    found = {number for each in files for number in shown(each.read_text("utf-8"))}

    assert sorted(found) == sorted(BEHAVIOURS) == [*range(1, 45)]
