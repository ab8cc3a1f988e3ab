from emulator.client import Emulator

ORDER = {
    "subject": "Su pedido",
    "body": "Hola <+B+>, su pedido <+C+> va en camino",
    "recipients": [{"email": "ana@example.org", "name": "Ana", "field1": "A-7"}],
}


def test_an_email_as_its_reader_sees_it(smsclouds: Emulator) -> None:
    placed = smsclouds.request("POST", "/api/v1/email", json=ORDER).json()

    (email,) = smsclouds.emails(placed["email_campaign_id"])

    assert (email.to, email.subject) == ("ana@example.org", "Su pedido")
    assert email.text == "Hola Ana, su pedido A-7 va en camino"


def test_where_the_service_is_not_active_nothing_is_sent(smsclouds: Emulator) -> None:
    smsclouds.change_account(services={"email": False})

    answer = smsclouds.request("POST", "/api/v1/email", json=ORDER)

    assert answer.status == 422
    assert smsclouds.campaigns == []
