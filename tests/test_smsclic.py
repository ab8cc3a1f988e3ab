"""SMS CLIC: campaigns in which every recipient gets a short link of their own."""

import re
from string import ascii_letters, digits
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain import dates, dlr, shortlink
from emulator.world import Click
from tests.support.emulator import Answer, Api, MakeApi, run_at_once, set_examples
from tests.support.orders import (
    CLIC,
    MARK,
    NUMBER,
    SMS,
    Body,
    assert_nothing_happened,
    assert_refused,
    change_campaign,
    make_clic,
    make_crowd,
    make_recipients,
    make_sms,
    place_campaign,
    poll_messages,
    read_column,
    read_texts,
)

MANUAL: Body = {
    "text": f"Para mayores informes dar clic aqui {MARK} .",
    "recipients": [{"cellphone": "4498987281"}, {"cellphone": "4498987285"}],
    "route": 85,
    "country": 1,
    "campaign_name": "sms clic test",
    "encode": False,
    "long_message": False,
    "url": "4",
}
PRINTED = [
    "/api/v3/smscllic/campaign",
    "/api/v3/smsclc/campaign",
    "/api/smscliv3/campaign",
]
TARGET = "https://shop.example.org/"
LINK = re.compile(r"https://mx4\.mx/([A-Za-z0-9]+)")
BOTH_MODES = pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
TWINS = pytest.mark.parametrize(  # refused in the same place, whatever the mode
    "strict",
    [False, pytest.param(True, marks=pytest.mark.soak)],
    ids=["lenient", "strict"],
)
FIXED = set_examples()


def codes(api: Api, order: Body) -> list[str]:
    """Place *order* and return the code of each recipient's link."""
    return [
        code
        for text in read_texts(api, order, path=CLIC)
        for code in LINK.findall(text)
    ]


def follow(api: Api, code: str) -> Answer:
    """Follow a short link as a handset does, without a token."""
    return api.get(f"/s/{code}", token="")


# --- Placing -----------------------------------------------------------------


@pytest.mark.manual("CLC-01", "CLC-10", "CLC-12", "CLC-13", "CLC-14", "CLC-17")
@BOTH_MODES
def test_a_clic_campaign_is_answered_like_the_manuals(
    make_api: MakeApi, *, strict: bool
) -> None:
    answer = make_api(strict=strict).post(CLIC, json=MANUAL)

    assert (answer.status, answer.notes) == (200, [])
    assert list(answer.body.items()) == [
        ("message", "Completado Correctamente"),
        ("campaign", 8528238),
        ("campaign_name", "sms clic test"),
        ("route", "Premium 1 Masiva"),
        ("country", "Mexico"),
        ("scheduled_date", "2026-03-02"),
        ("recipients_count", 2),
        ("encode", False),
        ("long_message", False),
        ("balance", 468061.51),  # 0.60 less, so the link costs nothing
        ("token_expires", "2027-03-02"),
    ]


@pytest.mark.manual("CLC-02")
@pytest.mark.parametrize("path", PRINTED)
@BOTH_MODES
def test_the_printed_paths_answer_with_a_note(
    make_api: MakeApi, path: str, *, strict: bool
) -> None:
    answer = make_api(strict=strict).post(path, json=MANUAL)

    assert (answer.status, answer.notes) == (200, ["CLC-02"])
    assert answer.body["campaign_name"] == "sms clic test"


@pytest.mark.manual("CLC-02")
@pytest.mark.parametrize("path", [*PRINTED, CLIC])
def test_a_printed_path_is_noted_beside_other_doubts(api: Api, path: str) -> None:
    answer = api.post(path, json=make_clic(text="sin enlace"))

    assert answer.notes == (["CLC-07"] if path == CLIC else ["CLC-02", "CLC-07"])


@pytest.mark.manual("CLC-02")
@pytest.mark.parametrize(
    "path", ["/api/v3/smscliv3/campaign", "/api/smsclic/campaign", "/api/v3/smsclic"]
)
def test_other_paths_do_not_exist(api: Api, path: str) -> None:
    assert api.post(path, json=MANUAL).status == 404


@pytest.mark.manual("CLC-12")
def test_a_scheduled_campaign_shows_its_day(api: Api) -> None:
    placed = place_campaign(
        api, make_clic(scheduled_date="2026-05-09 23:30:00"), path=CLIC
    )

    assert placed["scheduled_date"] == "2026-05-09"
    assert poll_messages(api, placed)["scheduled_date"] == "2026-05-09 23:30:00"


@pytest.mark.manual("CLC-12", "GEN-10")
def test_today_is_a_day_of_the_accounts_time_zone(api: Api) -> None:
    api.clock.advance(hours=11, minutes=59)  # 05:59 UTC of the day after
    before = place_campaign(api, path=CLIC)["scheduled_date"]

    api.clock.advance(minutes=1)
    after = place_campaign(api, path=CLIC)["scheduled_date"]

    assert (before, after) == ("2026-03-02", "2026-03-03")


@pytest.mark.manual("CLC-12")
def test_dates_may_come_with_their_time(make_api: MakeApi) -> None:
    api = make_api(assumptions={"clic_dates": "full"})

    at_once = place_campaign(api, path=CLIC)
    later = place_campaign(
        api, make_clic(scheduled_date="2026-05-09 23:30:00"), path=CLIC
    )

    assert at_once["scheduled_date"] == "2026-03-02 12:00:00"
    assert later["scheduled_date"] == "2026-05-09 23:30:00"
    assert at_once["token_expires"] == "2027-03-02 12:00:00"


@pytest.mark.manual("CLC-11")
def test_a_route_may_have_another_name_for_sms_clic(make_api: MakeApi) -> None:
    route = {"route": 85, "country": 1, "price": 0.3, "description": "74342"}
    names = {"name": "Premium 1 Masiva", "clic_name": "Plus_SC1"}
    api = make_api(routes=[{**route, **names}])

    assert place_campaign(api, MANUAL, path=CLIC)["route"] == "Plus_SC1"
    assert place_campaign(api, make_sms(route=85))["route"] == "Premium 1 Masiva"


@pytest.mark.manual("CLC-14")
@pytest.mark.parametrize(
    "order", [make_clic(), make_clic(text="sin enlace"), make_sms()]
)
def test_a_link_costs_nothing(api: Api, order: Body) -> None:
    path = CLIC if "url" in order else SMS

    assert place_campaign(api, order, path=path)["balance"] == 468061.11


@pytest.mark.manual("CLC-14", "CLC-03")
def test_a_charge_says_that_it_was_for_sms_clic(api: Api) -> None:
    placed = place_campaign(api, path=CLIC)

    movement = api.world.movements[0]
    assert (movement.amount, movement.reason) == (-1_000_000, "smsclic")
    assert movement.reference == placed["campaign"]


# --- Parameters --------------------------------------------------------------


@pytest.mark.manual("CLC-04", "GEN-11")
@pytest.mark.parametrize("url", [4, "4"])
@TWINS
def test_url_is_the_id_of_a_link(make_api: MakeApi, url: Any, *, strict: bool) -> None:
    answer = make_api(strict=strict).post(CLIC, json=make_clic(url=url))

    assert (answer.status, answer.notes) == (200, [])


@pytest.mark.manual("CLC-04")
@pytest.mark.parametrize(
    "url", [5, "44", 0, -4, "04", TARGET, "", None, [4], True, 4.5]
)
@TWINS
def test_nothing_else_is_a_link(make_api: MakeApi, url: Any, *, strict: bool) -> None:
    api = make_api(strict=strict)

    answer = api.post(CLIC, json=make_clic(url=url))

    assert_refused(answer, "campo url")
    assert_nothing_happened(api)


@pytest.mark.manual("CLC-04")
def test_url_is_required(api: Api) -> None:
    answer = api.post(CLIC, json=make_clic("url"))

    assert_refused(answer, "El campo url es obligatorio")


@pytest.mark.manual("CLC-05")
def test_lenient_takes_a_country_alone_with_a_note(api: Api) -> None:
    answer = api.post(CLIC, json=make_clic("route", country=1))

    assert (answer.status, answer.notes) == (200, ["CLC-05"])
    assert answer.body["route"] == "Premium II"


@pytest.mark.manual("CLC-05")
@pytest.mark.parametrize(
    "settings", [{"strict": True}, {"assumptions": {"clic_country_only": "refuse"}}]
)
def test_strict_requires_a_route(make_api: MakeApi, settings: dict[str, Any]) -> None:
    api = make_api(**settings)

    answer = api.post(CLIC, json=make_clic("route", country=1))

    assert_refused(answer, "El campo route es obligatorio")
    assert_nothing_happened(api)


@pytest.mark.manual("CLC-05")
def test_strict_may_take_a_country_alone(make_api: MakeApi) -> None:
    api = make_api(strict=True, assumptions={"clic_country_only": "accept"})

    answer = api.post(CLIC, json=make_clic("route", country=1))

    assert (answer.status, answer.notes) == (200, ["CLC-05"])


@pytest.mark.manual("CLC-05")
@BOTH_MODES
def test_route_or_country_must_be_there(make_api: MakeApi, *, strict: bool) -> None:
    answer = make_api(strict=strict).post(CLIC, json=make_clic("route"))

    assert_refused(answer, "El campo route es obligatorio cuando country no esta")


@pytest.mark.manual("CLC-07")
@pytest.mark.parametrize(
    "text",
    ["sin enlace", "<+DYNAMICSHORTURL_+>", "<+DYNAMICSHORTURL_ab+>", "<+SHORTURL_A+>"],
)
def test_lenient_sends_a_text_without_the_mark_as_it_is(api: Api, text: str) -> None:
    answer = api.post(CLIC, json=make_clic(text=text))
    api.clock.advance(seconds=1)

    assert (answer.status, answer.notes) == (200, ["CLC-07"])
    assert read_column(api, answer.body, "text") == [text]


@pytest.mark.manual("CLC-07")
@pytest.mark.parametrize(
    "settings", [{"strict": True}, {"assumptions": {"clic_mark_missing": "refuse"}}]
)
def test_strict_wants_the_mark(make_api: MakeApi, settings: dict[str, Any]) -> None:
    api = make_api(**settings)

    answer = api.post(CLIC, json=make_clic(text="sin enlace"))

    assert_refused(answer, "text")
    assert_nothing_happened(api)


@pytest.mark.manual("CLC-07")
def test_strict_may_do_without_the_mark(make_api: MakeApi) -> None:
    api = make_api(strict=True, assumptions={"clic_mark_missing": "accept"})

    answer = api.post(CLIC, json=make_clic(text="sin enlace"))

    assert (answer.status, answer.notes) == (200, ["CLC-07"])


@pytest.mark.manual("CLC-08")
@pytest.mark.parametrize(
    ("flags", "limit"),
    [({}, 160), ({"encode": True}, 70), ({"long_message": True}, 306)],
)
@BOTH_MODES
def test_the_mark_counts_with_its_own_length(
    make_api: MakeApi, flags: dict[str, Any], limit: int, *, strict: bool
) -> None:
    api = make_api(strict=strict)
    full = "x" * (limit - len(MARK)) + MARK

    taken = api.post(CLIC, json=make_clic(text=full, **flags))
    refused = api.post(CLIC, json=make_clic(text=f"x{full}", **flags))

    assert (taken.status, taken.notes) == (200, [])
    assert_refused(refused, f"{limit} caracteres")


# What an SMS campaign would not do either, with what strict's sentence names.
@pytest.mark.manual("CLC-03")
@pytest.mark.parametrize(
    ("changes", "naming"),
    [
        ({"text": ""}, "text"),
        ({"text": MARK + "x" * 160}, "160 caracteres"),
        ({"recipients": []}, "recipients"),
        ({"recipients": make_crowd(50_001)}, "50000 elementos"),
        ({"recipients": make_recipients("449")}, "recipients.0.cellphone"),
        ({"recipients": make_recipients(NUMBER, name=5)}, "recipients.0.name"),
        ({"route": 999}, "El campo route no es una ruta disponible"),
        ({"country": 9}, "El campo country no es un pais disponible"),
        ({"encode": "si"}, "encode"),
        ({"scheduled_date": "mañana"}, "scheduled_date"),
        ({"campaign_name": 5}, "campaign_name"),
    ],
)
@TWINS
def test_the_rules_of_sms_hold(
    make_api: MakeApi, changes: Body, naming: str, *, strict: bool
) -> None:
    api = make_api(strict=strict)

    answer = api.post(CLIC, json=make_clic(**changes))

    assert_refused(answer, naming)
    assert_nothing_happened(api)


@pytest.mark.manual("CLC-03")
@pytest.mark.parametrize(
    ("note", "changes"),
    [
        (
            "SMS-07",
            {
                "recipients": [
                    *make_recipients("5500000000", name="A"),
                    *make_recipients("5500000001"),
                ]
            },
        ),
        ("SMS-08", {"text": f"<+B+> {MARK}"}),
        ("SMS-24", {"encode": True, "encode_2": True}),
        ("SMS-25", {"text": f"está {MARK}"}),
        (
            "SMS-26",
            {
                "text": f"<+B+> {MARK}",
                "recipients": make_recipients(NUMBER, name="y" * 160),
            },
        ),
        ("SMS-27", {"text": f"€ {MARK}"}),
        ("SMS-28", {"encode": 1}),
        ("SMS-34", {"country": 2}),
        ("SMS-37", {"scheduled_date": "2026-03-01 00:00:00"}),
        ("SMS-37", {"scheduled_date": "2026-03-05"}),
    ],
)
def test_the_doubts_of_sms_are_doubts_here(
    api: Api, strict: Api, note: str, changes: Body
) -> None:
    order = make_clic(**changes)

    taken, refused = api.post(CLIC, json=order), strict.post(CLIC, json=order)

    assert (taken.status, taken.notes) == (200, [note])
    assert_refused(refused, "")
    assert_nothing_happened(strict)


@pytest.mark.manual("CLC-03", "SMS-38")
def test_the_other_spelling_of_the_date_is_lenient_only(api: Api, strict: Api) -> None:
    order = make_clic(scheduledDate="2026-05-09 23:30:00")

    lenient_answer, strict_answer = (
        each.post(CLIC, json=order) for each in (api, strict)
    )

    assert lenient_answer.notes == ["SMS-38"]
    assert lenient_answer.body["scheduled_date"] == "2026-05-09"
    assert strict_answer.body["scheduled_date"] == "2026-03-02"


@pytest.mark.manual("CLC-03")
@pytest.mark.parametrize(
    ("flags", "characters", "parts"),
    [({"long_message": True}, 161, 2), ({"encode_3": True}, 129, 3), ({}, 160, 1)],
)
def test_parts_are_charged_as_for_sms(
    api: Api, flags: dict[str, Any], characters: int, parts: int
) -> None:
    text = "x" * (characters - len(MARK)) + MARK

    placed = place_campaign(api, make_clic(text=text, **flags), path=CLIC)

    assert placed["balance"] == 468062.11 - parts


# --- Links -------------------------------------------------------------------


@pytest.mark.manual("CLC-01", "CLC-06", "CLC-15")
def test_every_recipient_gets_a_link_of_their_own(api: Api) -> None:
    read = read_texts(api, MANUAL, path=CLIC)

    links = [LINK.findall(text) for text in read]
    assert [len(each) for each in links] == [1, 1]
    assert links[0] != links[1]
    assert read == [
        f"Para mayores informes dar clic aqui https://mx4.mx/{code} ."
        for (code,) in links
    ]


@pytest.mark.manual("CLC-06", "CLC-03")
def test_a_mark_stands_beside_placeholders(api: Api) -> None:
    order = make_clic(
        text=f"<+B+> {MARK} <+C+>", recipients=make_crowd(2, name="N{}", field1="f")
    )

    read = read_texts(api, order, path=CLIC)

    assert [LINK.sub("LINK", text) for text in read] == ["N0 LINK f", "N1 LINK f"]


@pytest.mark.manual("CLC-06")
@pytest.mark.parametrize(
    "mark",
    ["<+DYNAMICSHORTURL_IVX4+>", "<+DYNAMICSHORTURL_A+>", "<+DYNAMICSHORTURL_09Z+>"],
)
def test_any_capitals_and_digits_make_a_mark(api: Api, mark: str) -> None:
    assert len(codes(api, make_clic(text=f"a {mark} b"))) == 1


@pytest.mark.manual("CLC-06")
def test_several_marks_become_the_same_link(api: Api) -> None:
    first, second = codes(api, make_clic(text=f"{MARK} {MARK}"))

    assert first == second


@pytest.mark.manual("CLC-06")
def test_a_mark_in_a_value_stays_text(api: Api) -> None:
    order = make_clic(
        text=f"<+B+> {MARK}", recipients=make_recipients(NUMBER, name=MARK)
    )

    assert read_texts(api, order, path=CLIC)[0].startswith(f"{MARK} https://mx4.mx/")


@pytest.mark.manual("CLC-06", "SMS-09")
def test_50000_recipients_get_50000_links(api: Api) -> None:
    placed = place_campaign(api, make_clic(recipients=make_crowd(50_000)), path=CLIC)

    campaign = api.world.get_campaign(placed["campaign"])
    found = [LINK.findall(campaign.render_text(index))[0] for index in range(50_000)]
    assert len(set(found)) == 50_000


@pytest.mark.manual("CLC-06", "CLC-16")
def test_codes_are_unique_over_all_worlds(api: Api) -> None:
    found, ids = [], []
    for name in ("a", "b", "c"):
        placed = api.post(CLIC, json=MANUAL, token=f"world-{name}").body
        world = run_at_once(api.worlds.get_or_create(f"world-{name}"))
        campaign = world.get_campaign(placed["campaign"])
        ids.append(campaign.first_message)
        found += [LINK.findall(campaign.render_text(index))[0] for index in range(2)]

    assert ids == [46608336] * 3
    assert len(set(found)) == 6


@pytest.mark.manual("CLC-15")
def test_a_link_has_an_id_a_title_a_creation_date_and_a_url(api: Api) -> None:
    link = api.account.links[4]

    assert (link.id, link.title, link.url) == (4, "tienda", TARGET)
    assert (
        dates.format_platform_time(link.created_at, api.account.zone)
        == "2022-03-15 13:33:08"
    )


@pytest.mark.manual("CLC-15")
def test_a_world_may_have_a_base_of_its_own_for_its_links(make_api: MakeApi) -> None:
    api = make_api(short_link_base="http://127.0.0.1:7672/s")

    (text,) = read_texts(api, make_clic(), path=CLIC)
    answer = api.get(text.removeprefix("ver http://127.0.0.1:7672"), token="")

    assert answer.headers["location"] == TARGET


@pytest.mark.manual("CLC-06")
@FIXED
@given(st.text(min_size=1, max_size=30), st.integers(1, 2**53))
def test_a_code_leads_back_to_its_message(world: str, message: int) -> None:
    code = shortlink.make_link_code(world, message)

    assert shortlink.parse_link_code(code) == message
    assert code.startswith(shortlink.make_world_tag(world))
    assert set(code) <= set(ascii_letters + digits)


@pytest.mark.manual("CLC-06")
@FIXED
@given(
    st.tuples(st.text(max_size=20), st.integers(1, 10**9)),
    st.tuples(st.text(max_size=20), st.integers(1, 10**9)),
)
def test_two_messages_never_share_a_code(
    one: tuple[str, int], other: tuple[str, int]
) -> None:
    assert (shortlink.make_link_code(*one) == shortlink.make_link_code(*other)) is (
        one == other
    )


# --- Clicks ------------------------------------------------------------------


@pytest.mark.manual("CLC-16", "CLC-15")
def test_a_link_leads_to_the_original_url_and_records_the_click(api: Api) -> None:
    _, code = codes(api, MANUAL)
    api.clock.advance(minutes=5)

    answer = follow(api, code)

    assert (answer.status, answer.headers["location"]) == (302, TARGET)
    assert api.world.clicks == [Click(api.clock.now, 46608337)]


@pytest.mark.manual("CLC-16")
def test_every_click_is_recorded(api: Api) -> None:
    first, second = codes(api, MANUAL)

    for code in (second, first, second):
        api.clock.advance(seconds=1)
        follow(api, code)

    assert [each.message for each in api.world.clicks] == [46608337, 46608336, 46608337]
    assert len({each.at for each in api.world.clicks}) == 3


@pytest.mark.manual("CLC-16")
def test_a_click_is_recorded_in_the_world_of_its_link(api: Api) -> None:
    placed = api.post(CLIC, json=MANUAL, token="world-b").body
    place_campaign(api, MANUAL, path=CLIC)
    world = run_at_once(api.worlds.get_or_create("world-b"))
    code = LINK.findall(world.get_campaign(placed["campaign"]).render_text(0))[0]

    answer = follow(api, code)

    assert answer.status == 302
    assert [each.message for each in world.clicks] == [46608336]
    assert api.world.clicks == []


@pytest.mark.manual("CLC-16")
def test_links_lead_where_their_campaign_said(make_api: MakeApi) -> None:
    api = make_api(
        links=[
            {"id": 4, "title": "tienda", "url": TARGET},
            {
                "id": 9,
                "title": "ayuda",
                "url": "https://help.example.org/?a=1&b=%C3%B1",
            },
        ]
    )
    (shop,), (help_,) = codes(api, make_clic()), codes(api, make_clic(url=9))

    assert follow(api, shop).headers["location"] == TARGET
    assert follow(api, help_).headers["location"] == (
        "https://help.example.org/?a=1&b=%C3%B1"
    )


@pytest.mark.manual("CLC-16")
def test_a_click_changes_nothing_that_the_api_shows(api: Api) -> None:
    placed = place_campaign(api, MANUAL, path=CLIC)
    api.clock.advance(seconds=12)
    before = poll_messages(api, placed), api.balance()

    follow(api, LINK.findall(before[0]["data"][0]["text"])[0])

    assert (poll_messages(api, placed), api.balance()) == before


@pytest.mark.manual("CLC-16")
def test_a_cancelled_campaigns_link_still_leads_on(api: Api) -> None:
    placed = place_campaign(api, path=CLIC)
    api.clock.advance(seconds=5)
    change_campaign(api, placed, dlr.cancel_sending)
    (text,) = read_column(api, placed, "text")

    assert follow(api, LINK.findall(text)[0]).status == 302


def near_misses(code: str) -> list[str]:
    """Return codes that are nobody's, though they look like *code*."""
    tag = code[: shortlink.TAG_LENGTH]
    return [
        code[:-1],
        f"{code}0",
        tag,
        f"{tag}0",
        f"{tag}-",
        "00000000" + code[shortlink.TAG_LENGTH :],
        code.swapcase(),
        "x",
        "%00",
        "..",
        "ñ" * 12,
        "Z" * 5_000,
    ]


@pytest.mark.manual("CLC-16")
@pytest.mark.parametrize("index", range(12))
def test_a_code_of_nobodys_leads_nowhere(api: Api, index: int) -> None:
    (code,) = codes(api, make_clic())

    answer = follow(api, near_misses(code)[index])

    assert answer.status == 404
    assert api.world.clicks == []


@pytest.mark.manual("CLC-16")
def test_a_message_without_a_link_has_no_code(api: Api) -> None:
    place_campaign(api)
    code = shortlink.make_link_code(api.world.name, 46608336)

    assert follow(api, code).status == 404
    assert api.world.clicks == []


@pytest.mark.manual("CLC-16")
def test_a_link_cannot_be_posted_to(api: Api) -> None:
    (code,) = codes(api, make_clic())

    answer = api.post(f"/s/{code}", token="")

    assert answer.status == 405
    assert api.world.clicks == []
