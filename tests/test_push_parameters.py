"""The parameters of a push in every spelling that there is, and spoilt by faults."""

import pytest

from emulator.domain.delivery import DeliveryKind, PushMutation
from emulator.domain.push import (
    UNKNOWN_ID_OFFSET,
    ParameterPairs,
    apply_cellphone_name,
    apply_push_mutation,
    make_push_parameters,
)

FACTS: dict[str, str | int] = {
    "response": "si",
    "cellphone": 4498987282,
    "message_id": 46608336,
    "date": "2023-10-05 12:00:00",
}
CAPITALS: ParameterPairs = [(name.capitalize(), value) for name, value in FACTS.items()]


def spelt(pairs: ParameterPairs) -> str:
    return " ".join(name for name, _ in pairs)


@pytest.mark.parametrize(
    ("kind", "choice", "names"),
    [
        (DeliveryKind.REPLY, "cellphone", "response cellphone message_id date"),
        (DeliveryKind.REPLY, "rellphone", "response rellphone message_id date"),
        (DeliveryKind.REPLY, "both", "response cellphone message_id date rellphone"),
        (DeliveryKind.KEYWORD, "cellphone", "response cellphone message_id date"),
        (DeliveryKind.SMPP_REPLY, "cellphone", "Response Cellphone Message_id Date"),
        (DeliveryKind.SMPP_REPLY, "rellphone", "Response rellphone Message_id Date"),
        (
            DeliveryKind.SMPP_REPLY,
            "both",
            "Response Cellphone Message_id Date rellphone",
        ),
    ],
)
def test_a_push_has_the_names_of_its_kind(
    kind: DeliveryKind, choice: str, names: str
) -> None:
    """Source: manual MOP-04, SMP-07; assumption MOP-05."""
    pairs = make_push_parameters(kind, FACTS, choice)

    assert spelt(pairs) == names
    assert [value for _, value in pairs[:4]] == [*FACTS.values()]
    if choice == "both":
        assert pairs[4] == ("rellphone", FACTS["cellphone"])


@pytest.mark.parametrize("pairs", [[*FACTS.items()], CAPITALS], ids=["small", "large"])
def test_a_fault_spoils_one_parameter_in_either_spelling(pairs: ParameterPairs) -> None:
    def changed(trick: PushMutation | None) -> ParameterPairs:
        found = apply_push_mutation(pairs, trick)
        return [new for old, new in zip(pairs, found, strict=True) if old != new]

    assert changed(PushMutation.MISSPELLED) == [("rellphone", 4498987282)]
    assert changed(PushMutation.OTHER_DATE) == [(pairs[3][0], "05/10/2023 12:00")]
    assert changed(PushMutation.UNKNOWN_ID) == [
        (pairs[2][0], 46608336 + UNKNOWN_ID_OFFSET)
    ]
    assert apply_push_mutation(pairs, PushMutation.CAPITALIZED) == CAPITALS
    others = {*PushMutation} - {
        *(
            PushMutation.MISSPELLED,
            PushMutation.OTHER_DATE,
            PushMutation.UNKNOWN_ID,
            PushMutation.CAPITALIZED,
        )
    }
    for trick in (None, *others):
        assert apply_push_mutation(pairs, trick) is pairs
    assert apply_cellphone_name(pairs, "cellphone") is pairs
