"""The parameters of a push in every spelling that there is, and spoilt by faults."""

import pytest

from emulator.domain.delivery import Kind, Trick
from emulator.domain.push import FAR, Pairs, named, parameters, tricked

FACTS: dict[str, str | int] = {
    "response": "si",
    "cellphone": 4498987282,
    "message_id": 46608336,
    "date": "2023-10-05 12:00:00",
}
CAPITALS: Pairs = [(name.capitalize(), value) for name, value in FACTS.items()]


def spelt(pairs: Pairs) -> str:
    return " ".join(name for name, _ in pairs)


@pytest.mark.parametrize(
    ("kind", "choice", "names"),
    [
        (Kind.REPLY, "cellphone", "response cellphone message_id date"),
        (Kind.REPLY, "rellphone", "response rellphone message_id date"),
        (Kind.REPLY, "both", "response cellphone message_id date rellphone"),
        (Kind.KEYWORD, "cellphone", "response cellphone message_id date"),
        (Kind.SMPP_REPLY, "cellphone", "Response Cellphone Message_id Date"),
        (Kind.SMPP_REPLY, "rellphone", "Response rellphone Message_id Date"),
        (Kind.SMPP_REPLY, "both", "Response Cellphone Message_id Date rellphone"),
    ],
)
def test_a_push_has_the_names_of_its_kind(kind: Kind, choice: str, names: str) -> None:
    """Source: manual MOP-04, SMP-07; assumption MOP-05."""
    pairs = parameters(kind, FACTS, choice)

    assert spelt(pairs) == names
    assert [value for _, value in pairs[:4]] == [*FACTS.values()]
    if choice == "both":
        assert pairs[4] == ("rellphone", FACTS["cellphone"])


@pytest.mark.parametrize("pairs", [[*FACTS.items()], CAPITALS], ids=["small", "large"])
def test_a_fault_spoils_one_parameter_in_either_spelling(pairs: Pairs) -> None:
    def changed(trick: Trick | None) -> Pairs:
        found = tricked(pairs, trick)
        return [new for old, new in zip(pairs, found, strict=True) if old != new]

    assert changed(Trick.MISSPELT) == [("rellphone", 4498987282)]
    assert changed(Trick.OTHER_DATE) == [(pairs[3][0], "05/10/2023 12:00")]
    assert changed(Trick.UNKNOWN_ID) == [(pairs[2][0], 46608336 + FAR)]
    assert tricked(pairs, Trick.CAPITALISED) == CAPITALS
    others = {*Trick} - {
        *(Trick.MISSPELT, Trick.OTHER_DATE, Trick.UNKNOWN_ID, Trick.CAPITALISED)
    }
    for trick in (None, *others):
        assert tricked(pairs, trick) is pairs
    assert named(pairs, "cellphone") is pairs
