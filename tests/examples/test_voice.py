from emulator.client import Emulator

CALL = {
    "type": 2,
    "campaign_name": "recordatorio",
    "text": "su cita es a las diez",
    "remittent": "5570055780",
}


def placed(smsclouds: Emulator, number: str = "4498987282") -> str:
    order = {**CALL, "recipients": [{"cellphone": number}]}
    answer = smsclouds.request("POST", "/api/v3/voice", json=order)
    return f"/api/v3/voice/{answer.json()['voice_campaign']}"


def test_a_call_can_be_cancelled_before_it_rings(smsclouds: Emulator) -> None:
    cancel = f"{placed(smsclouds)}/cancel"

    smsclouds.advance(seconds=34)

    assert smsclouds.request("POST", cancel).status == 200


def test_but_not_once_it_does(smsclouds: Emulator) -> None:
    cancel = f"{placed(smsclouds)}/cancel"

    smsclouds.advance(seconds=35)

    assert smsclouds.request("POST", cancel).status == 422


def test_a_busy_phone_is_not_reached(smsclouds: Emulator) -> None:
    campaign = placed(smsclouds, "9990007000")  # numbers that begin so are busy

    smsclouds.settle()

    told = smsclouds.request("GET", campaign).json()
    assert told["voice_messages"][0]["voice_message_status"] == 3  # failed
