"""Voice campaigns: placing, the walk from queued to completed, and cancelling."""

from typing import Any

import pytest

from tests.support.emulator import Answer, Api, MakeApi
from tests.support.orders import DoubtfulBody

PATH = "/api/v3/voice"
BOTH_MODES = pytest.mark.parametrize("strict_mode", [False, True])

FIRST = 481776  # the manual's id, which a new world begins with
OWN = "5570055780"  # a number of the demo account
TEXT = "hola, como estas <+B+> ? esta es una llamada blaster, tenemos tu nuevo id <+C+>"
JACK = {"cellphone": "4498752325", "name": "Jack", "field1": "52452245"}
BUSY = {"cellphone": "9990007000"}
NEVER = "2026-03-02 18:00:00"  # six hours after a test begins
SOON = "2026-03-02 13:00:00"  # one hour


def a_call(*recipients: dict[str, str], **changes: Any) -> dict[str, Any]:
    """Return the manual's example; a change to None takes a field away."""
    body = {
        "type": 2,
        "campaign_name": "test api audio",
        "text": TEXT,
        "recipients": list(recipients) or [JACK],
        "remittent": OWN,
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def a_recording(**changes: Any) -> dict[str, Any]:
    return a_call(**{"type": 1, "audio": 31, "text": None, **changes})


def place(api: Api, *recipients: dict[str, str], **changes: Any) -> str:
    """Place a campaign and return the path of its status."""
    answer = api.post(PATH, json=a_call(*recipients, **changes))
    assert answer.status == 200
    return f"{PATH}/{answer.body['voice_campaign']}"


def cancel(api: Api, path: str) -> Answer:
    return api.post(f"{path}/cancel")


def calls(api: Api, path: str) -> list[int]:
    """Return the status of each call."""
    rows = api.get(path).body["voice_messages"]
    return [row["voice_message_status"] for row in rows]


def status(api: Api, path: str) -> str:
    word: str = api.get(path).body["status"]
    return word


# --- Placing -----------------------------------------------------------------


@BOTH_MODES
@pytest.mark.manual("VOI-01", "VOI-13", "VOI-15", "VOI-46", "GEN-06", "GEN-07")
def test_a_voice_campaign_is_answered_like_the_manuals(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=a_call())

    assert answer.status == 200
    assert list(answer.body.items()) == [
        ("message", "Completado Correctamente"),
        ("voice_campaign", FIRST),
        ("name", "test api audio"),
        ("type", "text"),
        ("country", "Mexico"),
        ("scheduled_date", "2026-03-02 12:00:00"),
        ("recipients_count", 1),
        ("status", "TO_SEND"),
        ("balance", 468061.11),
    ]
    assert answer.notes == []


@BOTH_MODES
@pytest.mark.manual("VOI-02", "VOI-03", "VOI-14", "LOST-07", "GEN-11")
@pytest.mark.parametrize(("kind", "audio"), [(1, 31), ("1", "31")])
def test_a_saved_audio_is_answered_with_its_kind(
    make_api: MakeApi, kind: Any, audio: Any, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=a_recording(type=kind, audio=audio))

    assert answer.body["type"] == "audio"
    assert answer.body["status"] == "TO_SEND"


@pytest.mark.manual("VOI-46")
def test_ids_of_voice_campaigns_and_calls_grow(api: Api) -> None:
    paths = [place(api, JACK, JACK), place(api, JACK)]

    answers = [api.get(path).body for path in paths]
    ids = [[row["voice_message"] for row in each["voice_messages"]] for each in answers]
    assert [each["voice_campaign"] for each in answers] == [FIRST, FIRST + 1]
    assert ids == [[754061, 754062], [754063]]


@BOTH_MODES
@pytest.mark.manual("VOI-02")
@pytest.mark.parametrize("kind", [0, 3, "3", "02", "text", True, [2], 1.5])
def test_there_are_two_types_and_no_others(
    make_api: MakeApi, kind: Any, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=a_call(type=kind, audio=31))

    assert answer.status == 422
    assert " type " in answer.information


@BOTH_MODES
@pytest.mark.manual("VOI-02", "VOI-03", "VOI-04", "VOI-05", "VOI-06", "VOI-12")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (a_call(type=None), "type"),
        (a_call(text=None), "text"),
        (a_recording(audio=None), "audio"),
        (a_call(campaign_name=None), "campaign_name"),
        (a_call({"name": "Jack"}), "cellphone"),
        ({**a_recording(), "text": "hola", "audio": ""}, "audio"),
        (a_recording(campaign_name=None), "campaign_name"),
        (a_call(transfer_num="4498752325"), "transfer_key"),
    ],
)
def test_what_is_required_is_named(
    make_api: MakeApi, body: dict[str, Any], field: str, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=body)

    assert answer.status == 422
    assert field in answer.information


@BOTH_MODES
@pytest.mark.manual("VOI-04", "VOI-05", "VOI-06", "VOI-07", "VOI-11", "VOI-12")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": 7}, "text"),
        ({"campaign_name": ""}, "campaign_name"),
        ({"campaign_name": 7}, "campaign_name"),
        ({"recipients": []}, "recipients"),
        ({"recipients": JACK}, "recipients"),
        ({"recipients": [JACK, "4498752325"]}, "recipients.1"),
        ({"recipients": [{"cellphone": "449875232"}]}, "recipients.0.cellphone"),
        ({"recipients": [{"cellphone": 52449875232}]}, "recipients.0.cellphone"),
        ({"recipients": [{**JACK, "name": 7}]}, "recipients.0.name"),
        ({"recipients": [{**JACK, "field4": 7}]}, "recipients.0.field4"),
        ({"remittent": "557005578"}, "remittent"),
        ({"transfer_num": "1", "transfer_key": 1}, "transfer_num"),
        ({"transfer_num": OWN, "transfer_key": 10}, "transfer_key"),
        ({"transfer_num": OWN, "transfer_key": "#"}, "transfer_key"),
        ({"transfer_num": OWN, "transfer_key": -1}, "transfer_key"),
        ({"scheduledDate": "2026-02-30 09:00:00"}, "scheduledDate"),
        ({"scheduledDate": "2026-03-03T09:00:00"}, "scheduledDate"),
    ],
)
def test_a_field_of_another_shape_is_refused(
    make_api: MakeApi, changes: dict[str, Any], field: str, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=a_call(**changes))

    assert answer.status == 422
    assert f" {field} " in answer.information


@BOTH_MODES
@pytest.mark.manual("VOI-06")
def test_recipients_are_required(make_api: MakeApi, *, strict_mode: bool) -> None:
    api = make_api(strict=strict_mode)
    body = a_call()
    del body["recipients"]

    answer = api.post(PATH, json=body)

    assert answer.status == 422
    assert answer.information == "El campo recipients es obligatorio"


@pytest.mark.manual("VOI-06")
def test_fifty_thousand_recipients_are_the_most(make_api: MakeApi) -> None:
    api = make_api(prices={"voice": 0})
    recipients = [{"cellphone": "4498752325"}] * 50_001

    refused = api.post(PATH, json=a_call(*recipients))
    answer = api.post(PATH, json=a_call(*recipients[1:]))

    assert refused.status == 422
    assert "recipients" in refused.information
    assert answer.body["recipients_count"] == 50_000


@BOTH_MODES
@pytest.mark.manual("VOI-03")
@pytest.mark.parametrize("audio", [33, "33", 31000])
def test_an_unknown_audio_is_refused(
    make_api: MakeApi, audio: Any, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=a_recording(audio=audio))

    assert answer.status == 422
    assert " audio " in answer.information
    assert api.world.voice_campaigns == {}


@BOTH_MODES
@pytest.mark.manual("VOI-03", "VOI-04")
def test_what_belongs_to_the_other_type_is_ignored(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    speech = api.get(place(api, audio="not an id")).body
    recording = api.get(place(api, type=1, audio=31, text=7)).body

    assert (speech["type"], speech["audio"]) == ("text", None)
    assert (recording["type"], recording["text"]) == ("audio", None)


@BOTH_MODES
@pytest.mark.manual("VOI-04")
def test_a_text_to_read_aloud_may_be_long(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    text = "¿Cómo está, señor 中? " * 500

    path = place(api, text=text)

    assert api.get(path).body["text"] == text


@pytest.mark.manual("VOI-07")
def test_each_recipient_hears_a_text_of_their_own(api: Api) -> None:
    ana = {"cellphone": "4498752326", "name": "Ana"}
    place(api, JACK, ana, text="<+B+> <+C+>|<+B+>")

    campaign = api.world.voice_campaigns[FIRST]

    assert [campaign.render_text(index) for index in range(2)] == [
        "Jack 52452245|Jack",
        "Ana |Ana",
    ]


@BOTH_MODES
@pytest.mark.manual("VOI-11", "VOI-12")
@pytest.mark.parametrize("key", [0, 9, "5"])
def test_a_call_can_be_transferred_by_a_key(
    make_api: MakeApi, key: Any, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    path = place(api, transfer_num="0123456789", transfer_key=key)

    shown = api.get(path).body
    assert shown["transfer_num"] == "0123456789"
    assert shown["transfer_key"] == int(key)


# --- What lenient accepts and strict declines --------------------------------

DOUBTS = [
    DoubtfulBody("remittent_missing", "VOI-08", a_call(remittent=None), "remittent"),
    DoubtfulBody(
        "foreign_remittent", "VOI-09", a_call(remittent="5512345678"), "remittent"
    ),
    DoubtfulBody(
        "foreign_remittent", "VOI-09", a_call(remittent=5512345678), "remittent"
    ),
    DoubtfulBody(
        "doubtful_dates",
        "SMS-37",
        a_call(scheduledDate="2026-03-02 11:59:59"),
        "scheduledDate",
    ),
    DoubtfulBody(
        "doubtful_dates", "SMS-37", a_call(scheduledDate="2026-03-03"), "scheduledDate"
    ),
]


@pytest.mark.manual("VOI-08", "VOI-09", "SMS-37")
@pytest.mark.parametrize("doubt", DOUBTS, ids=str)
def test_lenient_takes_a_doubtful_campaign_and_notes_it(
    make_api: MakeApi, doubt: DoubtfulBody
) -> None:
    for api in doubt.make_takers(make_api):
        answer = api.post(PATH, json=doubt.body)

        assert answer.status == 200
        assert answer.notes == [doubt.ledger]


@pytest.mark.manual("VOI-08", "VOI-09", "SMS-37")
@pytest.mark.parametrize("doubt", DOUBTS, ids=str)
def test_strict_declines_a_doubtful_campaign_and_names_the_field(
    make_api: MakeApi, doubt: DoubtfulBody
) -> None:
    for api in doubt.make_decliners(make_api):
        balance = api.balance()

        answer = api.post(PATH, json=doubt.body)

        assert answer.status == 422
        assert f" {doubt.field} " in answer.information
        assert api.world.voice_campaigns == {}
        assert api.balance() == balance


@BOTH_MODES
@pytest.mark.manual("VOI-09")
@pytest.mark.parametrize("own", ["5570055780", 5570055781])
def test_a_number_of_the_account_can_be_shown(
    make_api: MakeApi, own: Any, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    path = place(api, remittent=own)

    assert api.get(path).body["remittent"] == str(own)


@pytest.mark.manual("VOI-10")
def test_the_schedules_name_of_sms_is_lenient_only(api: Api, strict: Api) -> None:
    order = a_call(scheduled_date=SOON)

    lenient_answer, strict_answer = (
        each.post(PATH, json=order) for each in (api, strict)
    )

    assert lenient_answer.notes == ["VOI-10"]
    assert lenient_answer.body["scheduled_date"] == SOON
    assert strict_answer.notes == []
    assert strict_answer.body["scheduled_date"] == "2026-03-02 12:00:00"


@pytest.mark.manual("GEN-14", "VOI-02", "VOI-03", "VOI-04")
@pytest.mark.parametrize(
    ("order", "kind"),
    [
        ({"Type": 2, "Text": "hola", "type": None, "text": None}, "text"),
        ({"Type": "1", "Audio": "32", "type": None, "text": None}, "audio"),
    ],
)
def test_the_capitals_of_the_table_are_lenient_only(
    api: Api, strict: Api, order: dict[str, Any], kind: str
) -> None:
    answer, refused = (each.post(PATH, json=a_call(**order)) for each in (api, strict))

    assert answer.notes == ["GEN-14"]
    assert answer.body["type"] == kind
    assert refused.status == 422
    assert refused.information == "El campo type es obligatorio"


# --- Price and service -------------------------------------------------------


@pytest.mark.manual("VOI-15")
@pytest.mark.parametrize(("price", "balance"), [(1, 468059.11), (0.35, 468061.06)])
def test_a_call_costs_the_worlds_price(
    make_api: MakeApi, price: float, balance: float
) -> None:
    api = make_api(prices={"voice": price})

    answer = api.post(PATH, json=a_call(JACK, JACK, BUSY))

    assert answer.body["balance"] == balance
    assert api.balance() == balance


@BOTH_MODES
@pytest.mark.manual("VOI-16", "VOI-44", "ERR-12")
def test_nothing_is_called_while_the_service_is_inactive(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode, services={"voice": False})

    answer = api.post(PATH, json=a_call())

    assert answer.status == 422
    assert answer.information == "El servicio voice no esta activo"
    assert api.world.voice_campaigns == {}
    assert api.balance() == 468062.11


@pytest.mark.manual("VOI-16")
def test_the_voice_service_is_independent_of_email(make_api: MakeApi) -> None:
    api = make_api(services={"email": False})

    assert api.post(PATH, json=a_call()).status == 200


# --- The walk ----------------------------------------------------------------


@BOTH_MODES
@pytest.mark.manual("VOI-20", "VOI-22", "VOI-23", "VOI-24", "VOI-25")
def test_a_finished_campaign_is_shown_like_the_manuals(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    path = place(api)
    api.clock.advance(seconds=36)

    answer = api.get(path)

    assert list(answer.body.items()) == [
        ("message", "Completado Correctamente"),
        ("voice_campaign", FIRST),
        ("name", "test api audio"),
        ("type", "text"),
        ("country", "Mexico"),
        ("text", TEXT),
        ("audio", None),
        ("scheduled_date", "2026-03-02 12:00:00"),
        ("recipients_count", 1),
        ("recipients_processed", 1),
        ("remittent", OWN),
        ("transfer_num", None),
        ("transfer_key", None),
        ("status", "COMPLETED"),
        ("voice_messages", answer.body["voice_messages"]),
    ]
    (row,) = answer.body["voice_messages"]
    assert list(row.items()) == [
        ("voice_message", 754061),
        ("cellphone", "4498752325"),
        ("sent_date", "2026-03-02 12:00:35"),
        ("voice_message_status", 2),
    ]


@pytest.mark.manual("VOI-27", "LOST-07")
def test_a_saved_audio_is_shown_by_its_id_and_without_text(api: Api) -> None:
    answer = api.get(place(api, type=1, audio="32"))

    assert answer.body["type"] == "audio"
    assert answer.body["text"] is None
    assert answer.body["audio"] == 32


@pytest.mark.manual("VOI-23", "VOI-24", "VOI-25", "VOI-26")
@pytest.mark.parametrize(
    ("seconds", "word", "states", "processed"),
    [
        (0, "TO_SEND", [0, 0, 0], 0),
        (34.99, "TO_SEND", [0, 0, 0], 0),
        (35, "PROCESSING", [1, 0, 0], 0),
        (35.15, "PROCESSING", [1, 1, 0], 0),
        (35.9, "PROCESSING", [1, 1, 1], 0),
        (36, "PROCESSING", [2, 1, 1], 1),
        (36.1, "PROCESSING", [2, 3, 1], 2),
        (36.2, "COMPLETED", [2, 3, 2], 3),
        (86400, "COMPLETED", [2, 3, 2], 3),
    ],
)
def test_a_campaign_walks_from_queued_to_completed(
    api: Api, seconds: float, word: str, states: list[int], processed: int
) -> None:
    path = place(api, JACK, BUSY, JACK)
    api.clock.advance(seconds=seconds)

    shown = api.get(path).body

    assert shown["status"] == word
    assert calls(api, path) == states
    assert shown["recipients_processed"] == processed
    assert shown["recipients_count"] == 3


@pytest.mark.manual("VOI-25", "VOI-26")
def test_a_call_has_a_date_from_its_own_instant_on(api: Api) -> None:
    path = place(api, *[JACK] * 12)
    api.clock.advance(seconds=36)

    rows = api.get(path).body["voice_messages"]

    dates = ["2026-03-02 12:00:35"] * 10 + ["2026-03-02 12:00:36", None]
    assert [row["sent_date"] for row in rows] == dates


@pytest.mark.manual("VOI-24")
def test_a_campaign_that_nobody_answers_has_failed(api: Api) -> None:
    path = place(api, BUSY, BUSY)
    api.clock.advance(minutes=1)

    assert status(api, path) == "FAILED"
    assert calls(api, path) == [3, 3]


@pytest.mark.manual("VOI-23", "HLR-09", "DLR-19")
@pytest.mark.parametrize(
    ("digits", "state"),
    [
        ("00", 2),
        ("01", 3),
        ("02", 2),
        ("03", 3),
        ("04", 3),
        ("05", 2),
        ("06", 2),
        ("07", 3),
        ("08", 2),
        ("99", 2),
    ],
)
def test_reserved_numbers_say_how_a_call_ends(
    api: Api, digits: str, state: int
) -> None:
    path = place(api, {"cellphone": f"99900{digits}123"})
    api.clock.advance(seconds=36)

    assert calls(api, path) == [state]


@pytest.mark.manual("VOI-10", "VOI-13", "VOI-25", "VOI-37")
@pytest.mark.parametrize(
    ("seconds", "word"),
    [(35, "TO_SEND"), (3599, "TO_SEND"), (3600, "PROCESSING"), (3601, "COMPLETED")],
)
def test_a_scheduled_campaign_is_queued_until_its_date(
    api: Api, seconds: float, word: str
) -> None:
    path = place(api, scheduledDate=SOON)
    api.clock.advance(seconds=seconds)

    shown = api.get(path).body

    assert shown["scheduled_date"] == SOON
    assert shown["status"] == word


@pytest.mark.manual("SMS-37", "VOI-10")
def test_a_date_that_has_passed_means_now(api: Api) -> None:
    path = place(api, scheduledDate="2026-03-01 00:00:00")
    api.clock.advance(seconds=36)

    assert status(api, path) == "COMPLETED"


@pytest.mark.manual("VOI-25")
@pytest.mark.parametrize("seconds", [0, 100])
def test_the_instant_pace_is_done_when_placed(make_api: MakeApi, seconds: int) -> None:
    api = make_api(pace="instant")
    answer = api.post(PATH, json=a_call(JACK, BUSY))
    api.clock.advance(seconds=seconds)

    shown = api.get(f"{PATH}/{FIRST}").body

    assert answer.body["status"] == shown["status"] == "COMPLETED"
    assert shown["recipients_processed"] == 2
    assert calls(api, f"{PATH}/{FIRST}") == [2, 3]


@pytest.mark.manual("VOI-20")
def test_reading_is_free_and_changes_nothing(api: Api) -> None:
    path = place(api, JACK, BUSY)
    api.clock.advance(seconds=35.5)
    balance = api.balance()

    first, second = (api.get(path) for _ in range(2))

    assert first.octets == second.octets
    assert api.balance() == balance


# --- Which campaign ----------------------------------------------------------


@BOTH_MODES
@pytest.mark.manual("VOI-28", "VOI-30")
@pytest.mark.parametrize(
    "campaign", ["481777", "8528238", "0", "-1", "abc", "4.0", "9" * 30, "%20"]
)
def test_an_unknown_id_is_not_found(
    make_api: MakeApi, campaign: str, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    place(api)

    assert api.get(f"{PATH}/{campaign}").status == 404
    assert cancel(api, f"{PATH}/{campaign}").status == 404


@pytest.mark.manual("AUT-08", "VOI-28")
def test_another_accounts_campaign_is_not_found(api: Api) -> None:
    path = place(api)

    read = api.get(path, token="world-another")
    cancelled = api.post(f"{path}/cancel", token="world-another")

    assert (read.status, cancelled.status) == (404, 404)
    assert status(api, path) == "TO_SEND"


@pytest.mark.manual("VOI-21")
def test_a_slash_after_the_id_is_lenient_only(make_api: MakeApi) -> None:
    lenient, strict = make_api(), make_api(strict=True)
    closed = make_api(assumptions={"voice_slash": "refuse"})

    for api, code, notes in (
        (lenient, 200, ["VOI-21"]),
        (strict, 404, []),
        (closed, 404, []),
    ):
        path = place(api)
        answer = api.get(f"{path}/")
        assert (answer.status, answer.notes) == (code, notes)


@BOTH_MODES
@pytest.mark.manual("VOI-21", "VOI-34")
def test_a_path_without_an_id_is_not_found(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    assert api.get(f"{PATH}/").status == 404
    assert api.post(f"{PATH}/").status == 404


@pytest.mark.manual("VOI-34")
@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", f"{PATH}/{FIRST}", 405),
        ("DELETE", f"{PATH}/{FIRST}", 405),
        ("GET", f"{PATH}/{FIRST}/cancel", 405),
        ("POST", f"{PATH}/{FIRST}/cancel/", 404),
        ("POST", f"{PATH}/{FIRST}/cancelar", 404),
    ],
)
def test_nothing_else_cancels(api: Api, method: str, path: str, code: int) -> None:
    place(api)

    assert api.send(method, path).status == code
    assert status(api, f"{PATH}/{FIRST}") == "TO_SEND"


@pytest.mark.manual("VOI-38")
@pytest.mark.parametrize("verb", ["cancel", "pause"])
def test_sms_campaigns_have_no_such_verb(api: Api, verb: str) -> None:
    order = {"text": "hola", "recipients": [{"cellphone": "4498752325"}], "route": 87}
    campaign = api.post("/api/v3/campaign", json=order).body["campaign"]

    assert api.post(f"/api/v3/campaign/{campaign}/{verb}").status == 404


# --- Cancelling --------------------------------------------------------------


@BOTH_MODES
@pytest.mark.manual("VOI-30", "VOI-33", "VOI-36")
def test_a_cancellation_is_answered_like_the_manuals(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    path = place(api, JACK, BUSY)
    api.clock.advance(seconds=34)

    answer = cancel(api, path)

    assert answer.status == 200
    assert list(answer.body.items()) == [
        ("message", "Completado Correctamente"),
        ("voice_campaign", FIRST),
        ("name", "test api audio"),
        ("status", "CANCELLED"),
        ("scheduled_date", "2026-03-02 12:00:00"),
    ]
    assert status(api, path) == "CANCELLED"
    assert calls(api, path) == [3, 3]


@pytest.mark.manual("VOI-30", "VOI-36")
def test_a_cancelled_campaign_never_calls(api: Api) -> None:
    path = place(api, JACK, JACK)
    cancel(api, path)
    before = api.get(path)

    api.clock.advance(days=1)

    after = api.get(path)
    assert after.octets == before.octets
    assert [row["sent_date"] for row in after.body["voice_messages"]] == [None, None]
    assert after.body["recipients_processed"] == 0


@BOTH_MODES
@pytest.mark.manual("VOI-31", "VOI-32", "LOST-10", "ERR-12")
@pytest.mark.parametrize(
    ("recipient", "seconds", "word"),
    [
        (JACK, 35, "PROCESSING"),
        (JACK, 36, "COMPLETED"),
        (JACK, 90_000, "COMPLETED"),
        (BUSY, 35.5, "PROCESSING"),
        (BUSY, 36, "FAILED"),
    ],
)
def test_only_a_queued_campaign_can_be_cancelled(
    make_api: MakeApi,
    recipient: dict[str, str],
    seconds: float,
    word: str,
    *,
    strict_mode: bool,
) -> None:
    api = make_api(strict=strict_mode)
    path = place(api, recipient)
    api.clock.advance(seconds=seconds)
    before, balance = api.get(path), api.balance()

    answer = cancel(api, path)

    assert before.body["status"] == word
    assert answer.status == 422
    assert answer.information == "La campaña ya no puede cancelarse"
    assert api.get(path).octets == before.octets
    assert api.balance() == balance


@BOTH_MODES
@pytest.mark.manual("VOI-32", "VOI-35")
@pytest.mark.parametrize("seconds", [0, 1, 40, 90_000])
def test_a_campaign_cancelled_twice_is_refunded_once(
    make_api: MakeApi, seconds: float, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    path = place(api, JACK, JACK)
    cancel(api, path)
    api.clock.advance(seconds=seconds)
    before = api.get(path)

    answer = cancel(api, path)

    assert answer.status == 422
    assert api.get(path).octets == before.octets
    assert api.balance() == 468062.11
    assert [each.amount for each in api.world.movements] == [-2_000_000, 2_000_000]


@pytest.mark.manual("VOI-35")
def test_a_cancelled_campaign_is_paid_back(api: Api) -> None:
    path = place(api, JACK, JACK, JACK)
    assert api.balance() == 468059.11
    api.clock.advance(seconds=10)

    cancel(api, path)

    assert api.balance() == 468062.11
    refund = api.world.movements[-1]
    assert (refund.reason, refund.reference) == ("refund", FIRST)
    assert refund.at == api.clock.now


@pytest.mark.manual("VOI-35")
def test_a_world_may_keep_the_money(make_api: MakeApi) -> None:
    api = make_api(assumptions={"refund_on_cancel": "no"})
    path = place(api, JACK, JACK, JACK)

    answer = cancel(api, path)

    assert answer.body["status"] == "CANCELLED"
    assert api.balance() == 468059.11
    assert [each.reason for each in api.world.movements] == ["voice"]


@BOTH_MODES
@pytest.mark.manual("VOI-37", "VOI-35")
@pytest.mark.parametrize("seconds", [0, 36, 3599.9])
def test_a_scheduled_campaign_can_be_cancelled_until_its_date(
    make_api: MakeApi, seconds: float, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    path = place(api, scheduledDate=SOON)
    api.clock.advance(seconds=seconds)

    answer = cancel(api, path)

    assert answer.status == 200
    assert answer.body["scheduled_date"] == SOON
    assert api.balance() == 468062.11
    api.clock.advance(hours=2)
    assert calls(api, path) == [3]


@pytest.mark.manual("VOI-37", "VOI-31")
def test_a_scheduled_campaign_cannot_be_cancelled_from_its_date_on(api: Api) -> None:
    path = place(api, scheduledDate=SOON)
    api.clock.advance(hours=1)

    answer = cancel(api, path)

    assert answer.status == 422
    assert status(api, path) == "PROCESSING"


@BOTH_MODES
@pytest.mark.manual("VOI-30")
@pytest.mark.parametrize("content", [b"", b"{}", b"[1", b"\xff", b'{"status": 2}'])
def test_a_body_of_a_cancellation_is_ignored(
    make_api: MakeApi, content: bytes, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    path = place(api)

    answer = api.post(
        f"{path}/cancel", content=content, headers={"content-type": "text/plain"}
    )

    assert answer.status == 200
    assert answer.notes == []


@pytest.mark.manual("VOI-30", "VOI-37")
def test_cancelling_one_campaign_leaves_the_others(api: Api) -> None:
    paths = [place(api), place(api), place(api, scheduledDate=NEVER)]

    cancel(api, paths[1])

    api.clock.advance(seconds=36)
    words = [status(api, path) for path in paths]
    assert words == ["COMPLETED", "CANCELLED", "TO_SEND"]


@pytest.mark.manual("VOI-30", "VOI-35")
def test_a_cancelled_campaign_that_cost_nothing_pays_nothing_back(
    make_api: MakeApi,
) -> None:
    api = make_api(prices={"voice": 0})
    path = place(api)

    assert cancel(api, path).status == 200
    assert api.world.movements == []
