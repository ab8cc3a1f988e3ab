"""SMS campaigns: placing them, and what they cost."""

import pytest

from tests.emulated import Api

MANUAL = {
    "text": "hi mi name y jose",
    "recipients": [
        {"cellphone": "4498987282"},
        {"cellphone": "4498987283"},
        {"cellphone": "4498987283"},
    ],
    "campaign_name": "my campaign",
    "route": 87,
    "country": 1,
    "encode": False,
    "long_message": False,
}


@pytest.mark.manual("SMS-40", "GEN-07")
def test_a_campaign_is_answered_like_the_manuals(api: Api) -> None:
    answer = api.post("/api/v3/campaign", json=MANUAL)

    assert answer.status == 200
    assert list(answer.body.items()) == [
        ("message", "Completado Correctamente"),
        ("campaign", 8528238),
        ("campaign_name", "my campaign"),
        ("route", "Premium 2 Masiva"),
        ("country", "Mexico"),
        ("scheduled_date", None),
        ("recipients_count", 3),
        ("encode", False),
        ("long_message", False),
        ("balance", 468059.11),
        ("token_expires", "2027-03-02 12:00:00"),
    ]
