"""What handsets write: found by poll, and pushed to the account's URL."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest

from emulator.client import ClientError, Emulator
from emulator.domain.handset import Outcome, ReplyProfile
from tests.support.emulator import (
    START,
    Api,
    MakeApi,
    keep_changes,
    run_control,
    send_control,
)
from tests.support.orders import (
    CLIC,
    NUMBER,
    make_crowd,
    make_order,
    make_sms,
    place_campaign,
)
from tests.support.servers import (
    Receiver,
    ReceiverAnswer,
    check_push,
    deliver_sms,
    list_times,
    list_verdicts,
    open_world,
    place_sms,
    poll_replies,
    run_emulator,
    write_reply,
)

ANSWERS, DUPLICATED, OPTS_OUT = "9990010000", "9990011000", "9990012000"
OTHER = "5512345678"


# --- Found by poll, and pushed ----------------------------------------------------


@pytest.mark.manual("MO-09", "MOP-01", "MOP-04", "MOP-10")
def test_a_reply_is_pushed_exactly_as_the_contract_says(
    told: Emulator, receiver: Receiver
) -> None:
    message = deliver_sms(told)["campaign"]
    write_reply(told, "BAJA")

    (asked,) = receiver.asked
    assert check_push(asked) == {
        "response": "BAJA",
        "cellphone": 4498987282,
        "message_id": told.messages(campaign=message)[0].id,
        "date": "2026-03-02 12:00:11",
    }
    assert asked.path == "/mo"
    assert asked.headers["host"] == receiver.url.split("/")[2]


@pytest.mark.manual("MO-02", "MO-09", "MOP-10", "MO-18")
def test_the_same_reply_is_found_by_poll_in_all_four_types(told: Emulator) -> None:
    campaign = deliver_sms(told)["campaign"]
    message = told.messages()[0].id
    taken = write_reply(told, "Si")

    found = [
        poll_replies(told, query)
        for query in (
            {"type": 1},
            {"type": 2, "messages": [message]},
            {"type": 3, "cellphone": int(NUMBER)},
            {"type": 4, "campaigns": [campaign]},
        )
    ]

    assert found == [found[0]] * 4
    assert found[0] == [
        {
            "received_id": taken.received_id,
            "campaign_id": campaign,
            "campaign_name": None,
            "message_id": message,
            "message": "hola",
            "response": "Si",
            "sent_at": "2026-03-02 12:00:11",
            "received_at": "2026-03-02 12:00:11",
        }
    ]
    assert taken.received_id == 977929


@pytest.mark.manual("MOP-03", "MOP-09")
def test_the_query_of_the_url_stays_in_front(
    told: Emulator, receiver: Receiver
) -> None:
    told.change_account(push_url=f"{receiver.url}/in?key=a%20b&x=&mark=ñ")
    deliver_sms(told)
    write_reply(told)

    (asked,) = receiver.asked
    own = (("key", "a b"), ("x", ""), ("mark", "ñ"))
    assert check_push(asked, own=own)["response"] == "Si"
    assert asked.path == "/mo/in"


def test_a_fragment_of_the_url_stays_at_home(
    told: Emulator, receiver: Receiver
) -> None:
    told.change_account(push_url=f"{receiver.url}#top")
    deliver_sms(told)
    write_reply(told)

    assert [check_push(each)["response"] for each in receiver.asked] == ["Si"]


@pytest.mark.manual("MOP-03")
@pytest.mark.parametrize(
    "text", ["ñandú & más = 100%", "a+b c", "¿Sí?\n€ 😀", "x" * 160, "#?/\\\"'"]
)
def test_whatever_a_handset_writes_comes_as_it_was(
    told: Emulator, receiver: Receiver, text: str
) -> None:
    deliver_sms(told)
    write_reply(told, text)

    assert [check_push(each)["response"] for each in receiver.asked] == [text]


@pytest.mark.manual("MOP-11")
def test_a_push_carries_no_credentials(told: Emulator, receiver: Receiver) -> None:
    deliver_sms(told)
    write_reply(told)

    (asked,) = receiver.asked
    assert {"authorization", "cookie"}.isdisjoint(asked.headers)


def test_without_a_url_there_is_a_reply_and_no_push(emulator: Emulator) -> None:
    deliver_sms(emulator)
    taken = write_reply(emulator)

    assert taken.deliveries == []
    assert len(emulator.deliveries) == 0
    assert len(poll_replies(emulator)) == 1


def test_a_reply_to_the_short_link_channel_is_a_reply_as_well(
    told: Emulator, receiver: Receiver
) -> None:
    assert told.request("POST", CLIC, json=make_order(CLIC)).status == 200
    told.advance(seconds=11)
    write_reply(told)

    assert [check_push(each)["response"] for each in receiver.asked] == ["Si"]


# --- What counts as accepted --------------------------------------------------------


@pytest.mark.manual("MOP-06", "SMP-08")
@pytest.mark.parametrize(
    "body", ["ok", "OK", "Ok\n", ' "ok" ', "'oK'", "\r\n\tok\r\n", '"OK"\n']
)
def test_ok_is_accepted_however_it_is_dressed(
    told: Emulator, receiver: Receiver, body: str
) -> None:
    receiver.answer_with(ReceiverAnswer(200, body))
    deliver_sms(told)
    write_reply(told)

    (delivery,) = told.deliveries
    assert (delivery.state, list_verdicts(delivery)) == ("delivered", ["accepted"])
    assert delivery.attempts[0].body == body


@pytest.mark.manual("MOP-06", "MOP-07")
@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (ReceiverAnswer(200, ""), "not_ok"),
        (ReceiverAnswer(200, "okay"), "not_ok"),
        (ReceiverAnswer(200, "ok ok"), "not_ok"),
        (ReceiverAnswer(200, "<p>ok</p>"), "not_ok"),
        (ReceiverAnswer(200, '{"status":"ok"}'), "not_ok"),
        (ReceiverAnswer(404, "ok"), "bad_status"),
        (ReceiverAnswer(500, "ok"), "bad_status"),
        (ReceiverAnswer(302, "ok", (("location", "/elsewhere"),)), "bad_status"),
        (ReceiverAnswer(304, ""), "bad_status"),
    ],
)
def test_all_else_is_recorded_as_not_acknowledged(
    told: Emulator, receiver: Receiver, said: ReceiverAnswer, verdict: str
) -> None:
    receiver.answer_with(said)
    deliver_sms(told)
    write_reply(told)

    (delivery,) = told.deliveries
    assert (delivery.state, list_verdicts(delivery)) == ("given_up", [verdict])
    assert delivery.attempts[0].status == said.status
    assert delivery.attempts[0].explanation
    assert len(receiver.asked) == 1, "and by default nothing is tried again"


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_success_will_do(told: Emulator, receiver: Receiver, status: int) -> None:
    receiver.answer_with(ReceiverAnswer(status, "ok"))
    deliver_sms(told)
    write_reply(told)

    assert told.deliveries[0].state == "delivered"


# --- Which message, and whose --------------------------------------------------------


def test_a_reply_answers_the_newest_message_on_the_handset(told: Emulator) -> None:
    deliver_sms(told, text="first")
    deliver_sms(told, text="second")
    place_sms(told, text="on its way")
    write_reply(told)

    assert [each["message"] for each in poll_replies(told)] == ["second"]


def test_of_two_messages_of_one_campaign_the_later_one_is_answered(
    told: Emulator,
) -> None:
    deliver_sms(told, NUMBER, NUMBER)
    taken = write_reply(told)

    assert taken.message == told.messages()[1].id


def test_any_message_of_the_handset_can_be_answered(told: Emulator) -> None:
    deliver_sms(told, text="first")
    deliver_sms(told, text="second")
    first = told.messages()[0].id

    taken = told.phone(NUMBER).reply("Si", to=first)

    assert taken.message == first
    assert [each["message"] for each in poll_replies(told)] == ["first"]


def test_a_message_of_another_world_is_none_of_this_one(
    told: Emulator, home: Emulator
) -> None:
    with open_world(home) as other:
        deliver_sms(told)
        deliver_sms(other)
        deliver_sms(other)
        theirs = other.messages()[1].id

        with pytest.raises(ClientError, match=f"no message {theirs}") as refused:
            told.phone(NUMBER).reply("Si", to=theirs)

    assert refused.value.status == 404
    assert poll_replies(told) == []


def test_a_message_to_somebody_else_cannot_be_answered(told: Emulator) -> None:
    deliver_sms(told, OTHER)
    message = told.messages()[0].id

    with pytest.raises(ClientError, match=f"went to {OTHER}") as refused:
        told.phone(NUMBER).reply("Si", to=message)

    assert refused.value.status == 422
    assert poll_replies(told) == []


@pytest.mark.manual("MOP-04")
@pytest.mark.parametrize("text", ["", " ", "\n\t", "x" * 161, "é" * 161])
def test_an_empty_reply_and_one_of_161_characters_are_refused(
    api: Api, text: str
) -> None:
    place_campaign(api)
    api.clock.advance(seconds=11)

    answer = send_control(api, "POST", "inbound", json={"number": NUMBER, "text": text})

    assert answer.status == 422
    assert "text" in answer.octets.decode()
    assert api.world.responses == []


@pytest.mark.parametrize(
    "number", ["123", "44989872821", "449898728x", "+524498987282"]
)
def test_only_a_cellphone_of_ten_digits_can_write(api: Api, number: str) -> None:
    answer = send_control(api, "POST", "inbound", json={"number": number, "text": "Si"})

    assert answer.status == 422


def test_a_number_without_messages_has_nothing_to_answer(told: Emulator) -> None:
    deliver_sms(told)

    with pytest.raises(ClientError, match=f"nothing to {OTHER}") as refused:
        told.phone(OTHER).reply("Si")

    assert refused.value.status == 422
    assert poll_replies(told) == []
    assert len(told.deliveries) == 0


@pytest.mark.parametrize("by_id", [True, False])
def test_what_has_not_arrived_cannot_be_answered_yet(
    told: Emulator, *, by_id: bool
) -> None:
    place_sms(told)
    to = told.messages()[0].id if by_id else None

    with pytest.raises(ClientError, match="advance the clock, or settle") as refused:
        told.phone(NUMBER).reply("Si", to=to)
    assert refused.value.status == 422

    told.settle()
    assert told.phone(NUMBER).reply("Si", to=to).received_id


def test_a_handset_that_was_not_reached_has_nothing_to_answer(
    told: Emulator,
) -> None:
    told.set_handset(NUMBER, "failed")
    deliver_sms(told)

    with pytest.raises(ClientError, match="is failed"):
        told.phone(NUMBER).reply("Si")


def test_a_refused_reply_leaves_no_trace(told: Emulator, receiver: Receiver) -> None:
    with pytest.raises(ClientError):
        told.phone(OTHER).reply("Si")
    run = told.advance(seconds=0)

    assert [each.event for each in run.events] == []
    assert receiver.asked == []


# --- Handsets that answer by themselves ---------------------------------------------


@pytest.mark.manual("MO-15")
def test_the_test_blocks_answer_at_their_instants(
    told: Emulator, receiver: Receiver
) -> None:
    place_sms(told, ANSWERS, DUPLICATED, OPTS_OUT, NUMBER)

    run = told.settle()

    heard = [check_push(each) for each in receiver.asked]
    assert [(each["cellphone"], each["response"], each["date"]) for each in heard] == [
        (9990010000, "Si", "2026-03-02 12:00:22"),
        (9990011000, "Si", "2026-03-02 12:00:22"),
        (9990012000, "BAJA", "2026-03-02 12:00:22"),
        (9990011000, "Gracias", "2026-03-02 12:00:33"),
    ]
    assert list_times(run, "replied") == ["18:00:22"] * 3 + ["18:00:33"]
    assert {each["response"] for each in poll_replies(told)} == {
        "Si",
        "BAJA",
        "Gracias",
    }
    messages = {each.id: each.sent_at for each in told.messages()}
    after = {
        each["response"]: datetime.fromisoformat(each["received_at"])
        - datetime.fromisoformat(each["sent_at"])
        for each in poll_replies(told)
    }
    assert after["Gracias"] == 2 * after["BAJA"] == timedelta(seconds=22)
    assert len(messages) == 4


def test_a_reply_is_there_at_its_instant_and_not_before(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=[{"cellphone": ANSWERS}]))
    query = {"type": 4, "campaigns": [placed["campaign"]]}

    api.clock.advance(seconds=21, milliseconds=999)
    before = api.post("/api/v3/responses", json=query).body["results"]
    api.clock.advance(milliseconds=1)
    after = api.post("/api/v3/responses", json=query).body["results"]

    assert before == []
    assert [each["received_at"] for each in after] == ["2026-03-02 12:00:22"]


def test_the_world_tells_the_same_however_it_is_read(make_api: MakeApi) -> None:
    """Bit by bit or all at once."""
    people = [{"cellphone": each} for each in (DUPLICATED, ANSWERS, OPTS_OUT)] * 5
    stories = []
    for steps in (1, 40):
        api = make_api()
        place_campaign(api, make_sms(recipients=people))
        for _ in range(steps):
            run_control(api, "POST", "clock/advance", json={"seconds": 40 / steps})
            api.post("/api/v3/responses", json={"type": 1})
        stories.append(api.post("/api/v3/responses", json={"type": 1}).body["results"])

    assert stories[0] == stories[1]
    assert len(stories[0]) == 20


def test_a_pause_holds_the_answers_of_those_who_wait(told: Emulator) -> None:
    numbers = [f"99900100{each:02d}" for each in range(10)]
    campaign = place_sms(told, *numbers)["campaign"]
    told.advance(seconds=11.045)  # five are on their handsets
    told.pause(campaign)
    told.advance(seconds=60)
    assert [each["response"] for each in poll_replies(told)] == ["Si"] * 5

    told.resume(campaign)
    run = told.settle()

    found = poll_replies(told)
    assert len(list_times(run, "replied")) == 5
    assert len({each["message_id"] for each in found}) == len(found) == 10
    assert all(
        datetime.fromisoformat(each["received_at"])
        - datetime.fromisoformat(each["sent_at"])
        == timedelta(seconds=11)
        for each in found
    )


def test_a_pause_between_message_and_answer_holds_no_answer(told: Emulator) -> None:
    numbers = [f"99900110{each:02d}" for each in range(4)]
    campaign = place_sms(told, *numbers)["campaign"]
    told.advance(seconds=11.015)  # two are on their handsets
    told.pause(campaign)
    told.advance(seconds=15)  # and have answered once
    told.resume(campaign)
    told.settle()

    found = poll_replies(told)
    assert len(found) == 8
    assert len({(each["message_id"], each["response"]) for each in found}) == 8


def test_nobody_answers_what_a_cancel_kept_back(told: Emulator) -> None:
    numbers = [f"99900100{each:02d}" for each in range(10)]
    campaign = place_sms(told, *numbers)["campaign"]
    told.advance(seconds=11.045)
    told.cancel(campaign)

    run = told.settle()

    assert len(poll_replies(told)) == 5
    assert all(each.event != "replied" for each in run.pending)


def test_a_campaign_cancelled_in_time_has_no_answers(told: Emulator) -> None:
    campaign = place_sms(told, ANSWERS)["campaign"]
    told.cancel(campaign)
    told.settle(days=1)

    assert poll_replies(told) == []


def test_any_number_can_have_the_habit(told: Emulator) -> None:
    told.set_handset(OTHER, "answers_twice")
    place_sms(told, OTHER)
    told.settle()

    assert [each["response"] for each in poll_replies(told)] == ["Si", "Gracias"]


# --- Profiles -------------------------------------------------------------------------

PROFILE = {"share": 0.3, "after": 90, "texts": ["va", "luego"]}


def answers(api: Api) -> list[tuple[int, str, str]]:
    """Return who answered what, and when."""
    found = api.post("/api/v3/responses", json={"type": 1}).body["results"]
    return [
        (each["message_id"], each["response"], each["received_at"]) for each in found
    ]


def surveyed(make_api: MakeApi, **changes: Any) -> list[tuple[int, str, str]]:
    """Return the answers of a crowd."""
    api = make_api(**{"profiles": [PROFILE], **changes})
    place_campaign(api, make_sms(recipients=make_crowd(1_000)))
    api.clock.advance(hours=1)
    return answers(api)


def test_a_share_of_all_people_answers_with_a_delay(make_api: MakeApi) -> None:
    api = make_api(profiles=[PROFILE])
    place_campaign(api, make_sms(recipients=make_crowd(1_000)))
    api.clock.advance(hours=1)

    found = api.post("/api/v3/responses", json={"type": 1}).body["results"]

    assert 250 < len(found) < 350
    assert {each["response"] for each in found} == {"va", "luego"}
    assert all(
        datetime.fromisoformat(each["received_at"])
        - datetime.fromisoformat(each["sent_at"])
        == timedelta(seconds=90)
        for each in found
    )


def test_two_worlds_with_one_seed_tell_the_same_story(make_api: MakeApi) -> None:
    first, second = surveyed(make_api, seed=5), surveyed(make_api, seed=5)
    other = surveyed(make_api, seed=6)

    assert first == second
    assert {each for each, _, _ in first} != {each for each, _, _ in other}


@pytest.mark.parametrize(("share", "count"), [(0, 0), (1, 200)])
def test_a_share_may_be_nobody_or_everybody(
    make_api: MakeApi, share: float, count: int
) -> None:
    api = make_api(profiles=[{**PROFILE, "share": share}])
    place_campaign(api, make_sms(recipients=make_crowd(200)))
    api.clock.advance(hours=1)

    assert len(answers(api)) == count


def test_two_profiles_are_drawn_apart(make_api: MakeApi) -> None:
    both = [{**PROFILE, "share": 0.5, "texts": [text]} for text in ("a", "b")]
    found = surveyed(make_api, profiles=both)

    first, second = ({who for who, said, _ in found if said == it} for it in "ab")
    assert first != second
    assert first & second


def test_who_was_not_reached_does_not_answer(make_api: MakeApi) -> None:
    api = make_api(
        profiles=[{**PROFILE, "share": 1}],
        handsets=[{"cellphone": OTHER, "outcome": "failed"}],
    )
    place_campaign(
        api, make_sms(recipients=[{"cellphone": OTHER}, {"cellphone": NUMBER}])
    )
    api.clock.advance(hours=1)

    assert [who for who, _, _ in answers(api)] == [46608337]


def test_who_is_reached_late_answers_late(make_api: MakeApi) -> None:
    api = make_api(
        profiles=[{**PROFILE, "share": 1}],
        handsets=[{"cellphone": NUMBER, "outcome": "retried"}],
    )
    place_campaign(api)
    api.clock.advance(seconds=11 + 60 + 90)

    assert [when for _, _, when in answers(api)] == ["2026-03-02 12:02:41"]


def test_the_reserved_numbers_keep_to_their_habits(make_api: MakeApi) -> None:
    api = make_api(profiles=[{**PROFILE, "share": 1}])
    place_campaign(
        api, make_sms(recipients=[{"cellphone": "9990000123"}, {"cellphone": ANSWERS}])
    )
    api.clock.advance(hours=1)

    assert [said for _, said, _ in answers(api)] == ["Si"]


class Texts(tuple[str, ...]):
    """Texts that know how often somebody chose one."""

    __slots__ = ()
    chosen: ClassVar[list[str]] = []

    def __getitem__(self, index: Any) -> Any:
        """Return a text and note it."""
        self.chosen.append(super().__getitem__(index))
        return self.chosen[-1]


def test_the_answers_of_fifty_thousand_are_not_made_before_they_come(api: Api) -> None:
    placed = place_campaign(api, make_sms(recipients=make_crowd(50_000)))
    everybody = ReplyProfile(1, timedelta(seconds=90), Texts(("va",)))
    world = api.world
    keep_changes(
        world, world.get_campaign(placed["campaign"])._replace(profiles=(everybody,))
    )
    assert len(Texts.chosen) == 1, "that of the first one"

    api.clock.advance(seconds=11 + 90 + 1)

    assert len(answers(api)) == 101
    assert len(Texts.chosen) == 102


def test_a_world_file_may_give_profiles_and_outcomes(make_api: MakeApi) -> None:
    api = make_api(profiles=[PROFILE])

    account = run_control(api, "GET", "account")

    assert account["profiles"] == [PROFILE]
    assert Outcome.ANSWERS in api.account.population.get_outcomes([int(ANSWERS)])


# --- Where it is all told -------------------------------------------------------------


def test_the_stream_of_events_tells_of_replies_and_pushes(told: Emulator) -> None:
    deliver_sms(told)
    events = told.events(timeout=5)
    write_reply(told)

    seen = {"completed"}
    while seen != {"completed", "replied", "pushed"}:
        each = next(events)
        if each.event == "event":
            seen.add(each.data.event)


def test_the_url_of_the_settings_is_that_of_every_minted_world(
    receiver: Receiver,
) -> None:
    with run_emulator(mo_url=receiver.url, clock=START.isoformat()) as home:
        deliver_sms(home)
        write_reply(home)
        other = Emulator(token="world-minted", transport=home._transport)  # noqa: SLF001
        deliver_sms(other)
        write_reply(other, "Si, otra vez")

    assert [check_push(each)["response"] for each in receiver.asked] == [
        "Si",
        "Si, otra vez",
    ]


def test_an_unknown_field_is_refused(api: Api) -> None:
    body = {"number": NUMBER, "text": "Si", "mesage": 1}

    assert send_control(api, "POST", "inbound", json=body).status == 422
