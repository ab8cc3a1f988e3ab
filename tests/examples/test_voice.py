from emulator.client import Emulator

CALL = {
    "type": 2,
    "campaign_name": "recordatorio",
    "text": "su cita es a las diez",
    "recipients": [{"cellphone": "4498987282"}],
    "remittent": "5570055780",
}


def placed(smsclouds: Emulator) -> str:
    answer = smsclouds.request("POST", "/api/v3/voice", json=CALL)
    return f"/api/v3/voice/{answer.json()['voice_campaign']}/cancel"


def test_a_call_can_be_cancelled_before_it_rings(smsclouds: Emulator) -> None:
    cancel = placed(smsclouds)

    smsclouds.advance(seconds=34)

    assert smsclouds.request("POST", cancel).status == 200


def test_but_not_once_it_does(smsclouds: Emulator) -> None:
    cancel = placed(smsclouds)

    smsclouds.advance(seconds=35)

    assert smsclouds.request("POST", cancel).status == 422
