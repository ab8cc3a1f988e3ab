from emulator.client import Emulator
from tests.examples.my_service import MyService

PHONE = "4498987282"


def test_a_keyword_is_answered_by_the_service(smsclouds: Emulator) -> None:
    with MyService() as service:
        smsclouds.add_item(
            "keywords", keyword="hora", response_url=f"{service.url}/keyword"
        )

        smsclouds.phone(PHONE).reply("HORA por favor")
        smsclouds.settle()

    assert [each.text for each in smsclouds.messages(to=PHONE)] == [
        "hora: abrimos a las 9"
    ]
    assert [each.text for each in smsclouds.keyword_texts] == ["HORA por favor"]
