import pytest

from emulator.client import Emulator


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("9990000000", "active"),
        ("9990001000", "inactive"),
        ("9990003000", "absent"),
        ("9990004000", "unknown"),
    ],
)
def test_the_number_says_what_is_found(
    smsclouds: Emulator, number: str, status: str
) -> None:
    found = smsclouds.request("GET", f"/api/v3/hlr/{number}").json()

    assert found["status"] == status


def test_a_number_that_went_to_another_network(smsclouds: Emulator) -> None:
    found = smsclouds.request("GET", "/api/v3/hlr/9990006000").json()

    assert found["ported"]
    assert found["network"] != found["original_network"]


def test_a_look_up_costs(smsclouds: Emulator) -> None:
    before = smsclouds.balance
    smsclouds.change_account(prices={"hlr": 0.25})

    smsclouds.request("GET", "/api/v3/hlr/4498987282")

    assert before - smsclouds.balance == 0.25
