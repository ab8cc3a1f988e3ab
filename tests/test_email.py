"""E-mail campaigns: four templates, and the emails that would be sent."""

from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.domain.email import RenderedEmail, render_emails
from tests.support.emulator import Api, MakeApi
from tests.support.orders import DoubtfulBody

PATH = "/api/v1/email"
BOTH_MODES = pytest.mark.parametrize("strict_mode", [False, True])

FIRST = 28648  # the manual's id, which a new world begins with
POSTER = "https://media.example.org/promocion.png"  # in the demo world's library
ELSEWHERE = "https://example.org/cartel.png"
JACK = {"email": "jack@example.org", "name": "Jack", "field1": "52452245"}


def an_email(**changes: Any) -> dict[str, Any]:
    """Return the manual's example; a change to None takes a field away."""
    body = {
        "body": "Hola mi nombre es <+B+> y tengo un id <+C+>,",
        "subject": "importante",
        "recipients": [JACK],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def sent(api: Api, body: dict[str, Any]) -> list[RenderedEmail]:
    """Place *body* and return its emails as they would be sent."""
    answer = api.post(PATH, json=body)
    assert answer.status == 200
    return list(
        render_emails(api.world.email_campaigns[answer.body["email_campaign_id"]])
    )


# --- The answer --------------------------------------------------------------


@BOTH_MODES
@pytest.mark.manual("EML-01", "EML-20", "GEN-03", "GEN-08")
def test_an_email_campaign_is_answered_like_the_manuals(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=an_email())

    assert answer.status == 200
    assert list(answer.body.items()) == [
        ("message", "New Email Campaign created successfully"),
        ("email_campaign_id", FIRST),
    ]
    assert answer.notes == []


@pytest.mark.manual("EML-20")
def test_ids_of_email_campaigns_grow(api: Api) -> None:
    answers = [api.post(PATH, json=an_email()) for _ in range(3)]

    ids = [answer.body["email_campaign_id"] for answer in answers]
    assert ids == [FIRST, FIRST + 1, FIRST + 2]


@pytest.mark.manual("GEN-03")
def test_there_is_no_email_under_v3(api: Api) -> None:
    assert api.post("/api/v3/email", json=an_email()).status == 404


@pytest.mark.manual("EML-21", "VOI-38")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/api/v1/email/{FIRST}"),
        ("GET", f"/api/v1/email/{FIRST}/messages"),
        ("POST", f"/api/v1/email/{FIRST}/cancel"),
    ],
)
def test_nothing_reads_or_cancels_an_email_campaign(
    api: Api, method: str, path: str
) -> None:
    api.post(PATH, json=an_email())

    assert api.send(method, path).status == 404


# --- Its fields --------------------------------------------------------------


@BOTH_MODES
@pytest.mark.manual("EML-02", "EML-09", "EML-14", "EML-17")
@pytest.mark.parametrize("template", [None, 1, 2, 4])
@pytest.mark.parametrize("text", [None, ""])
def test_a_body_is_required_where_there_is_text(
    make_api: MakeApi, template: int | None, text: str | None, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=an_email(template=template, body=text, image=POSTER))

    assert answer.status == 422
    assert " body " in answer.information


@BOTH_MODES
@pytest.mark.manual("EML-03", "EML-04")
@pytest.mark.parametrize("template", [None, 1, 2, 3, 4])
@pytest.mark.parametrize("field", ["subject", "recipients"])
def test_every_template_requires_a_subject_and_recipients(
    make_api: MakeApi, template: int | None, field: str, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    body = an_email(template=template, image=POSTER, **{field: None})

    answer = api.post(PATH, json=body)

    assert answer.status == 422
    assert answer.information == f"El campo {field} es obligatorio"


@BOTH_MODES
@pytest.mark.manual("EML-03", "EML-04", "EML-05", "EML-10", "EML-12", "EML-18")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": ""}, "subject"),
        ({"subject": 7}, "subject"),
        ({"recipients": []}, "recipients"),
        ({"recipients": {"email": "jack@example.org"}}, "recipients"),
        ({"recipients": ["jack@example.org"]}, "recipients.0"),
        ({"recipients": [JACK, {"name": "Ana"}]}, "recipients.1.email"),
        ({"recipients": [{"mail": "jack@example.org"}]}, "recipients.0.email"),
        ({"recipients": [{**JACK, "name": 7}]}, "recipients.0.name"),
        ({"recipients": [{**JACK, "field1": 52452245}]}, "recipients.0.field1"),
        ({"recipients": [{**JACK, "field4": None}]}, "recipients.0.field4"),
        ({"header": 7}, "header"),
        ({"sender": ["a@example.org"]}, "sender"),
        ({"body": 7}, "body"),
    ],
)
def test_a_field_of_another_type_is_refused(
    make_api: MakeApi, changes: dict[str, Any], field: str, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=an_email(**changes))

    assert answer.status == 422
    assert f" {field} " in answer.information


@pytest.mark.manual("EML-04")
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("jack@example.org", 200),
        ("Jack.O-Neill+test_1%x@mail.example.co.uk", 200),
        ("1@2.mx", 200),
        ("", 422),
        ("jack", 422),
        ("jack@example", 422),
        ("@example.org", 422),
        ("jack@", 422),
        ("jack@@example.org", 422),
        ("jack@example..org", 422),
        ("jack @example.org", 422),
        ("jack@example.org\n", 422),
        ("Jack <jack@example.org>", 422),
        ("josé@example.org", 422),
        (f"{'j' * 250}@example.org", 422),
    ],
)
def test_an_address_is_plain_ascii(api: Api, address: str, status: int) -> None:
    answer = api.post(PATH, json=an_email(recipients=[{"email": address}]))

    assert answer.status == status


@pytest.mark.manual("EML-34", "EML-04")
def test_fifty_thousand_recipients_are_the_most(api: Api) -> None:
    recipients = [{"email": "jack@example.org"}] * 50_001

    refused = api.post(PATH, json=an_email(recipients=recipients))
    answer = api.post(PATH, json=an_email(recipients=recipients[1:]))

    assert refused.status == 422
    assert "recipients" in refused.information
    assert answer.status == 200
    assert api.world.email_campaigns[FIRST].count == 50_000


# --- Templates ---------------------------------------------------------------


@BOTH_MODES
@pytest.mark.manual("EML-09", "EML-13", "EML-14", "EML-17", "GEN-11")
@pytest.mark.parametrize("spelled", [int, str])
@pytest.mark.parametrize("template", [1, 2, 3, 4])
def test_each_template_takes_what_it_lists(
    make_api: MakeApi, template: int, spelled: type, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    text = {"body": None} if template == 3 else {"header": "Aviso"}
    image = {"image": POSTER} if template in {3, 4} else {}
    common = {"attachment": 51, "scheduledDate": "2026-03-03 09:00:00", "sender": "Ana"}

    answer = api.post(
        PATH, json=an_email(template=spelled(template), **text, **image, **common)
    )

    assert answer.status == 200
    assert answer.notes == []
    (campaign,) = api.world.email_campaigns.values()
    assert campaign.kind == template


@pytest.mark.manual("EML-09")
@pytest.mark.parametrize("template", [0, 5, "5", "", True, [1], "basic"])
def test_there_are_four_templates_and_no_others(api: Api, template: Any) -> None:
    answer = api.post(PATH, json=an_email(template=template, image=POSTER))

    assert answer.status == 422
    assert " template " in answer.information


@pytest.mark.manual("EML-09")
def test_without_a_template_the_second_is_taken(api: Api) -> None:
    order = an_email(header="Aviso")

    assert sent(api, order) == sent(api, {**order, "template": 2})
    assert sent(api, order) != sent(api, {**order, "template": 1})


@pytest.mark.manual("EML-02", "EML-09", "EML-14")
def test_a_basic_letter_is_its_text_alone(api: Api) -> None:
    (letter,) = sent(api, an_email(template=1))

    assert letter == RenderedEmail(
        to="jack@example.org",
        sender=None,
        subject="importante",
        text="Hola mi nombre es Jack y tengo un id 52452245,",
        html=None,
        attachment=None,
    )


@pytest.mark.manual("EML-09", "EML-10", "EML-14")
def test_a_formatted_letter_has_its_header_above_its_text(api: Api) -> None:
    (letter,) = sent(api, an_email(template=2, header="Aviso"))

    assert letter.html is not None
    text = "<p>Hola mi nombre es Jack y tengo un id 52452245,</p>"
    assert f"<h1>Aviso</h1>{text}" in letter.html
    assert letter.text == "Hola mi nombre es Jack y tengo un id 52452245,"


@pytest.mark.manual("EML-09", "EML-11", "EML-13")
def test_a_letter_of_the_third_template_is_its_image_alone(api: Api) -> None:
    (letter,) = sent(api, an_email(template=3, image=POSTER, header="Aviso"))

    assert letter.html is not None
    assert f'<img src="{POSTER}"' in letter.html
    assert letter.text == ""
    assert "Aviso" not in letter.html
    assert "Hola" not in letter.html


@pytest.mark.manual("EML-09", "EML-11", "EML-17")
def test_a_letter_of_the_fourth_template_has_image_and_text(api: Api) -> None:
    (letter,) = sent(api, an_email(template=4, image=POSTER, header="Aviso"))

    assert letter.html is not None
    pieces = ["<h1>Aviso</h1>", f'<img src="{POSTER}"', "<p>Hola mi nombre es Jack"]
    places = [letter.html.index(piece) for piece in pieces]
    assert places == sorted(places)


@BOTH_MODES
@pytest.mark.manual("EML-14")
@pytest.mark.parametrize("template", [None, 1, 2])
@pytest.mark.parametrize("image", [ELSEWHERE, "not a URL", 7])
def test_an_image_is_ignored_where_none_belongs(
    make_api: MakeApi, template: int | None, image: Any, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    (letter,) = sent(api, an_email(template=template, image=image))

    assert "<img" not in (letter.html or "")


@BOTH_MODES
@pytest.mark.manual("EML-11", "EML-13")
@pytest.mark.parametrize("template", [3, 4])
@pytest.mark.parametrize(
    "image", ["", "promocion.png", "ftp://example.org/a.png", "javascript:1", 52]
)
def test_an_image_is_named_by_an_http_url(
    make_api: MakeApi, template: int, image: Any, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)
    text = "Hola" if template == 4 else None

    answer = api.post(PATH, json=an_email(template=template, body=text, image=image))

    assert answer.status == 422
    assert " image " in answer.information


@BOTH_MODES
@pytest.mark.manual("EML-13")
def test_the_third_template_requires_an_image(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=an_email(template=3, body=None))

    assert answer.status == 422
    assert answer.information == "El campo image es obligatorio"


@pytest.mark.manual("EML-10")
def test_text_and_header_cannot_break_the_page(api: Api) -> None:
    order = an_email(
        body="<script>1</script> & <+B+>",
        header="<b>",
        recipients=[{"email": "jack@example.org", "name": "<i>Jack</i>"}],
    )

    (letter,) = sent(api, order)

    assert letter.text == "<script>1</script> & <i>Jack</i>"
    assert letter.html is not None
    assert "&lt;i&gt;Jack&lt;/i&gt;" in letter.html
    assert "<script>" not in letter.html
    assert "<b>" not in letter.html


# --- Merging -----------------------------------------------------------------

MERGED = "<+B+>|<+C+>|<+D+>|<+E+>|<+F+>"
FILLED = {
    "name": "n",
    "field1": "f1",
    "field2": "f2",
    "field3": "f3",
    "field4": "f4",
}


@pytest.mark.manual("EML-05", "EML-06")
@pytest.mark.parametrize(
    ("merge", "text"),
    [("example", "n|f1|f2|f3|f4"), ("bullets", "f1|f2|f3|f4|<+F+>")],
)
def test_placeholders_stand_for_fields_as_the_switch_says(
    make_api: MakeApi, merge: str, text: str
) -> None:
    api = make_api(assumptions={"email_merge": merge})

    (letter,) = sent(
        api,
        an_email(body=MERGED, recipients=[{"email": "jack@example.org", **FILLED}]),
    )

    assert letter.text == text


@BOTH_MODES
@pytest.mark.manual("EML-06")
def test_both_modes_merge_as_the_example_does(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    (letter,) = sent(make_api(strict=strict_mode), an_email())

    assert letter.text == "Hola mi nombre es Jack y tengo un id 52452245,"


@pytest.mark.manual("EML-04", "EML-05", "EML-06")
@pytest.mark.parametrize("template", [1, 2, 4])
def test_every_recipient_gets_a_letter_of_their_own(api: Api, template: int) -> None:
    recipients = [
        {"email": "jack@example.org", "name": "Jack"},
        {"email": "ana@example.org", "name": "Ana", "field1": "7"},
        {"email": "jack@example.org"},
    ]

    posted = sent(
        api,
        an_email(
            template=template,
            body="<+B+>, <+B+>: <+C+><+Z+>",
            recipients=recipients,
            image=POSTER,
        ),
    )

    assert [(letter.to, letter.text) for letter in posted] == [
        ("jack@example.org", "Jack, Jack: <+Z+>"),
        ("ana@example.org", "Ana, Ana: 7<+Z+>"),
        ("jack@example.org", ", : <+Z+>"),
    ]


# --- Attachment, sender, date ------------------------------------------------


@BOTH_MODES
@pytest.mark.manual("EML-07", "GEN-11")
@pytest.mark.parametrize("attachment", [51, "51"])
def test_a_file_of_the_account_can_be_attached(
    make_api: MakeApi, attachment: Any, *, strict_mode: bool
) -> None:
    (letter,) = sent(make_api(strict=strict_mode), an_email(attachment=attachment))

    assert letter.attachment == 51


@BOTH_MODES
@pytest.mark.manual("EML-07")
@pytest.mark.parametrize("attachment", [53, "53", 0, "x", 51.5, "051", True])
def test_an_unknown_attachment_is_refused(
    make_api: MakeApi, attachment: Any, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=an_email(attachment=attachment))

    assert answer.status == 422
    assert " attachment " in answer.information
    assert api.world.email_campaigns == {}


@pytest.mark.manual("EML-12")
@pytest.mark.parametrize("sender", ["avisos@example.org", "La Tienda", ""])
def test_the_sender_is_free_text(api: Api, sender: str) -> None:
    (letter,) = sent(api, an_email(sender=sender))

    assert letter.sender == sender


@BOTH_MODES
@pytest.mark.manual("EML-08", "GEN-09", "GEN-10")
def test_an_email_can_be_scheduled(make_api: MakeApi, *, strict_mode: bool) -> None:
    api = make_api(strict=strict_mode)

    answer = api.post(PATH, json=an_email(scheduledDate="2026-03-03 09:00:00"))

    assert answer.notes == []
    scheduled_at = api.world.email_campaigns[FIRST].scheduled_at
    assert scheduled_at == datetime(2026, 3, 3, 15, tzinfo=UTC)  # 9:00 in Mexico City


@pytest.mark.manual("EML-08")
def test_the_schedules_name_of_sms_is_lenient_only(api: Api, strict: Api) -> None:
    order = an_email(scheduled_date="2026-03-03 09:00:00")

    lenient_answer, strict_answer = (
        each.post(PATH, json=order) for each in (api, strict)
    )

    assert lenient_answer.notes == ["EML-08"]
    assert api.world.email_campaigns[FIRST].scheduled_at is not None
    assert strict_answer.notes == []
    assert strict.world.email_campaigns[FIRST].scheduled_at is None


@pytest.mark.manual("EML-08", "GEN-09")
@pytest.mark.parametrize(
    "date", ["2026-02-30 09:00:00", "2026-03-03T09:00:00", "mañana", "", 7]
)
def test_a_schedule_that_is_no_date_is_refused(api: Api, date: Any) -> None:
    answer = api.post(PATH, json=an_email(scheduledDate=date))

    assert answer.status == 422
    assert " scheduledDate " in answer.information


# --- What lenient accepts and strict declines --------------------------------

PICTURE = an_email(template=3, image=POSTER, body=None)
DOUBTS = [
    DoubtfulBody("image_only_text", "EML-13", {**PICTURE, "body": "Hola"}, "body"),
    DoubtfulBody("image_only_text", "EML-13", {**PICTURE, "body": 7}, "body"),
    DoubtfulBody("image_only_text", "EML-13", {**PICTURE, "header": "Aviso"}, "header"),
    DoubtfulBody("image_missing", "EML-15", an_email(template=4), "image"),
    DoubtfulBody("foreign_image", "EML-16", {**PICTURE, "image": ELSEWHERE}, "image"),
    DoubtfulBody(
        "foreign_image", "EML-16", an_email(template=4, image=ELSEWHERE), "image"
    ),
    DoubtfulBody(
        "doubtful_dates",
        "SMS-37",
        an_email(scheduledDate="2026-03-02 11:59:59"),
        "scheduledDate",
    ),
    DoubtfulBody(
        "doubtful_dates",
        "SMS-37",
        an_email(scheduledDate="2026-03-03"),
        "scheduledDate",
    ),
]


@pytest.mark.manual("EML-13", "EML-15", "EML-16", "SMS-37")
@pytest.mark.parametrize("doubt", DOUBTS, ids=str)
def test_lenient_takes_a_doubtful_email_and_notes_it(
    make_api: MakeApi, doubt: DoubtfulBody
) -> None:
    for api in doubt.make_takers(make_api):
        answer = api.post(PATH, json=doubt.body)

        assert answer.status == 200
        assert answer.notes == [doubt.ledger]


@pytest.mark.manual("EML-13", "EML-15", "EML-16", "SMS-37")
@pytest.mark.parametrize("doubt", DOUBTS, ids=str)
def test_strict_declines_a_doubtful_email_and_names_the_field(
    make_api: MakeApi, doubt: DoubtfulBody
) -> None:
    for api in doubt.make_decliners(make_api):
        answer = api.post(PATH, json=doubt.body)

        assert answer.status == 422
        assert f" {doubt.field} " in answer.information
        assert api.world.email_campaigns == {}


@pytest.mark.manual("GEN-14", "EML-09", "EML-10", "EML-11", "EML-12")
def test_the_capitals_of_the_list_are_lenient_only(api: Api, strict: Api) -> None:
    capitals = {
        "Sender": "avisos@example.org",
        "Template": 4,
        "Header": "Aviso",
        "Image": POSTER,
        "Attachment": 51,
    }
    canonical = {name.lower(): value for name, value in capitals.items()}

    answer = api.post(PATH, json=an_email(**capitals))

    assert answer.notes == ["GEN-14"]
    assert list(render_emails(api.world.email_campaigns[FIRST])) == sent(
        api, an_email(**canonical)
    )
    assert sent(strict, an_email(**capitals)) == sent(strict, an_email())


@pytest.mark.manual("GEN-14")
def test_a_field_that_strict_ignores_may_then_be_missing(strict: Api) -> None:
    answer = strict.post(PATH, json=an_email(template=3, body=None, Image=POSTER))

    assert answer.status == 422
    assert answer.information == "El campo image es obligatorio"


# --- Price and service -------------------------------------------------------


@pytest.mark.manual("EML-22")
def test_emails_are_free_by_default(api: Api) -> None:
    balance = api.balance()

    api.post(PATH, json=an_email(recipients=[JACK] * 3))

    assert api.balance() == balance
    assert api.world.movements == []


@pytest.mark.manual("EML-22")
def test_a_world_may_set_a_price_for_each_recipient(make_api: MakeApi) -> None:
    api = make_api(prices={"email": 0.055})

    api.post(PATH, json=an_email(recipients=[JACK] * 3))

    assert api.balance() == 468061.945


@BOTH_MODES
@pytest.mark.manual("EML-30", "EML-31", "ERR-12")
def test_nothing_is_sent_while_the_service_is_inactive(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode, services={"email": False})

    answer = api.post(PATH, json=an_email())

    assert answer.status == 422
    assert answer.information == "El servicio email no esta activo"
    assert api.world.email_campaigns == {}


@pytest.mark.manual("EML-30")
def test_the_email_service_is_independent_of_voice(make_api: MakeApi) -> None:
    api = make_api(services={"voice": False})

    assert api.post(PATH, json=an_email()).status == 200
