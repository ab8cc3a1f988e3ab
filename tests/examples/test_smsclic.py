from emulator.client import Emulator

ORDER = {
    "text": "Mire <+DYNAMICSHORTURL_MX4+>",
    "recipients": [{"cellphone": "4498987282"}, {"cellphone": "4498987283"}],
    "url": 4,
    "route": 85,
}


def test_a_click_says_who_clicked(smsclouds: Emulator) -> None:
    smsclouds.request("POST", "/api/v3/smsclic/campaign", json=ORDER)
    smsclouds.settle()
    first, second = smsclouds.messages()
    assert first.text != second.text, "each has a link of its own"

    code = second.text.rpartition("/")[2]
    answer = smsclouds.request("GET", f"/s/{code}")

    assert answer.headers["location"] == "https://shop.example.org/"
    (link,) = smsclouds.links
    assert [each.message for each in link.clicks] == [second.id]
