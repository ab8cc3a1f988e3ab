"""Faults of our own pushes, each against a real receiver."""

from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from emulator.client import Emulator
from emulator.domain.delivery import PushMutation
from emulator.domain.sms import CampaignSource
from tests.support.emulator import (
    SOON,
    START,
    Api,
    keep_changes,
    run_control,
    send_control,
)
from tests.support.orders import NUMBER, SMS, make_recipients, make_sms, place_campaign
from tests.support.servers import (
    SILENCE,
    ReceivedRequest,
    Receiver,
    ReceiverAnswer,
    check_push,
    deliver_sms,
    list_times,
    list_verdicts,
    open_world,
    place_sms,
    poll_replies,
    run_receiver,
    write_reply,
)

OTHER = "5512345678"
RIGHT = ("response", "cellphone", "message_id", "date")


def texts(receiver: Receiver) -> list[str]:
    return [each["response"] for each in receiver.parameters]


def names(asked: ReceivedRequest) -> list[str]:
    return [name for name, _ in asked.query]


# --- Whether and when -------------------------------------------------------------


def test_a_push_that_is_lost_leaves_no_trace_but_the_record(
    told: Emulator, receiver: Receiver
) -> None:
    rule = told.fault(push="lost", first=1)
    deliver_sms(told)
    write_reply(told, "lost")
    write_reply(told, "found")
    told.settle()

    assert texts(receiver) == ["found"]
    lost, found = told.deliveries
    assert (lost.state, lost.fault, lost.attempts) == ("lost", rule.id, [])
    assert (found.state, found.fault) == ("delivered", "")
    assert [each["response"] for each in poll_replies(told)] == ["lost", "found"]


def test_a_push_may_be_late_by_so_much(told: Emulator, receiver: Receiver) -> None:
    told.fault(push="late", seconds=90.5)
    deliver_sms(told)
    write_reply(told)
    told.advance(seconds=90.499)
    assert receiver.asked == []

    run = told.advance(seconds=0.001)

    assert list_times(run, "pushed") == ["18:01:41"]
    (asked,) = receiver.asked
    assert check_push(asked)["date"] == "2026-03-02 12:00:11", "when it was written"


def test_what_is_late_lets_others_go_before(told: Emulator, receiver: Receiver) -> None:
    told.fault(push="late", seconds=60, first=1)
    deliver_sms(told)
    write_reply(told, "first")
    write_reply(told, "second")
    told.settle()

    assert texts(receiver) == ["second", "first"]


def test_a_push_may_come_twice_one_after_the_other(
    told: Emulator, receiver: Receiver
) -> None:
    told.fault(push="duplicated", first=1)
    deliver_sms(told)
    write_reply(told, "one")
    write_reply(told, "two")

    assert texts(receiver) == ["one", "one", "two"]
    assert receiver.asked[0].query == receiver.asked[1].query
    assert receiver.most_at_once == 1
    assert [list_verdicts(each) for each in told.deliveries] == [["accepted"]] * 3


@pytest.mark.parametrize(
    ("rule", "count"),
    [({"push": "duplicated_at_once"}, 2), ({"push": "storm", "count": 20}, 20)],
)
def test_a_push_may_come_several_times_at_once(
    told: Emulator, receiver: Receiver, rule: dict[str, Any], count: int
) -> None:
    together = Barrier(count)

    def wait_for_all(_asked: ReceivedRequest) -> ReceiverAnswer:
        together.wait(SOON)  # breaks unless all of them are here at once
        return ReceiverAnswer()

    receiver.answer_with(wait_for_all)
    told.fault(**rule, first=1)
    deliver_sms(told)
    write_reply(told)

    assert len({each.query for each in receiver.asked}) == 1
    assert len(receiver.asked) == count
    assert {each.state for each in told.deliveries} == {"delivered"}
    assert len({each.id for each in told.deliveries}) == count


def test_a_push_may_come_after_the_next_one(told: Emulator, receiver: Receiver) -> None:
    told.fault(push="reordered", first=1)
    deliver_sms(told)
    write_reply(told, "first")
    assert receiver.asked == []
    write_reply(told, "second")

    assert texts(receiver) == ["second", "first"]
    assert [len(each.attempts) for each in told.deliveries] == [1, 1]


def test_where_no_other_comes_it_waits_a_minute_only(
    told: Emulator, receiver: Receiver
) -> None:
    told.fault(push="reordered")
    deliver_sms(told)
    write_reply(told)
    run = told.settle()

    assert texts(receiver) == ["Si"]
    assert list_times(run, "pushed") == ["18:01:11"]


def test_or_as_long_as_the_rule_says(told: Emulator, receiver: Receiver) -> None:
    told.fault(push="reordered", seconds=5)
    deliver_sms(told)
    write_reply(told)

    assert list_times(told.settle(), "pushed") == ["18:00:16"]
    assert len(receiver.asked) == 1


def test_only_the_next_one_to_the_same_url_lets_it_go(
    told: Emulator, receiver: Receiver
) -> None:
    with run_receiver() as second:
        told.add_item("keywords", keyword="hi", push_url=second.url, response="Si")
        told.fault(push="reordered", nth=1)
        deliver_sms(told)
        write_reply(told, "first")
        write_reply(told, "hi", OTHER)
        assert (texts(receiver), texts(second)) == ([], ["hi"])
        write_reply(told, "third")

    assert texts(receiver) == ["third", "first"]


def test_one_that_was_sent_by_hand_is_not_sent_again(
    told: Emulator, receiver: Receiver
) -> None:
    told.fault(push="reordered", first=1)
    deliver_sms(told)
    write_reply(told, "first")
    told.send_now(1)
    told.advance(seconds=0)
    write_reply(told, "second")
    told.settle()

    assert texts(receiver) == ["first", "second"]


def test_one_that_was_dropped_does_not_come_back(
    told: Emulator, receiver: Receiver
) -> None:
    told.fault(push="reordered", first=1)
    deliver_sms(told)
    write_reply(told, "first")
    told.drop(1)
    write_reply(told, "second")
    told.settle()

    assert texts(receiver) == ["second"]
    assert told.deliveries[0].state == "dropped"


def test_a_retry_of_one_waits_for_its_own_time(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(500), ReceiverAnswer())
    told.change_account(push_retries=[100])
    told.fault(push="reordered", seconds=5, first=1)
    deliver_sms(told)
    write_reply(told, "first")
    assert list_times(told.advance(seconds=5), "pushed") == ["18:00:16"]
    write_reply(told, "second")

    assert texts(receiver) == ["first", "second"]
    assert list_times(told.settle(), "pushed") == ["18:01:56"]


# --- Before the answer to the send ------------------------------------------------


def test_a_push_may_come_before_the_answer_to_the_send(
    told: Emulator, receiver: Receiver
) -> None:
    known: list[Any] = []

    def look(_asked: ReceivedRequest) -> ReceiverAnswer:
        known.append(len(told.find_requests("createCampaign")))
        known.append(told.messages()[0].status)
        return ReceiverAnswer()

    receiver.answer_with(look)
    told.fault(push="early")
    campaign = place_sms(told, "9990010000")["campaign"]

    (asked,) = receiver.asked
    assert known[0] == 0, "the send has not been answered yet"
    assert check_push(asked) == {
        "response": "Si",
        "cellphone": 9990010000,
        "message_id": told.messages(campaign=campaign)[0].id,
        "date": "2026-03-02 12:00:00",
    }
    assert [each["sent_at"] for each in poll_replies(told)] == [None]


def test_a_handset_that_answered_early_answers_once(
    told: Emulator, receiver: Receiver
) -> None:
    told.fault(push="early", number="9990011001")
    place_sms(told, "9990011000", "9990011001")
    assert len(receiver.asked) == 1
    told.settle()

    heard = [(each["cellphone"], each["response"]) for each in receiver.parameters]
    assert heard == [
        ("9990011001", "Si"),
        ("9990011000", "Si"),
        ("9990011000", "Gracias"),
        ("9990011001", "Gracias"),
    ]


@pytest.mark.impatient
def test_only_an_early_push_makes_a_send_wait(
    told: Emulator, receiver: Receiver
) -> None:
    """Whatever else goes wrong with a receiver that never answers."""
    receiver.answer_with(SILENCE)
    deliver_sms(told)
    told.phone(NUMBER).reply("waits")
    began = told.find_requests("createCampaign").count
    for trick in ("duplicated", "duplicated_at_once", "post"):
        told.fault(push=trick)
        place_sms(told, "9990010000")

    states = [each.state for each in told.deliveries]
    assert states == ["due"], "three sends were answered within one time-out"
    assert told.find_requests("createCampaign").count == began + 3
    told.clear_faults()
    told.fault(push="early")
    place_sms(told, "9990010000")
    assert all(each.state == "given_up" for each in told.deliveries)


@pytest.mark.impatient
def test_an_early_push_waits_for_one_time_out_at_most(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(SILENCE)
    told.change_account(push_retries="backoff")
    told.fault(push="early")
    place_sms(told, "9990010000")

    assert list_verdicts(told.deliveries[0]) == ["timed_out"]
    assert told.deliveries[0].state == "due"


def test_who_does_not_answer_by_himself_is_not_early(
    told: Emulator, receiver: Receiver
) -> None:
    told.fault(push="early")
    place_sms(told, NUMBER)
    told.settle()

    assert receiver.asked == []
    assert told.faults[0].applied == 0


def test_a_send_that_fails_after_its_work_may_be_told_of_before(
    told: Emulator, receiver: Receiver
) -> None:
    told.fault(push="early")
    told.fail_next("createCampaign", status=500, phase="after")
    answer = told.request(
        "POST", SMS, json=make_sms(recipients=make_recipients("9990010000"))
    )

    assert answer.status == 500
    assert texts(receiver) == ["Si"]


# --- Wrong contents ---------------------------------------------------------------


@pytest.mark.manual("SMP-07")
def test_parameters_may_be_capitalised(told: Emulator, receiver: Receiver) -> None:
    told.fault(push="capitalized")
    deliver_sms(told)
    taken = write_reply(told)

    (asked,) = receiver.asked
    assert check_push(asked, "smppMoPush") == {
        "Response": "Si",
        "Cellphone": 4498987282,
        "Message_id": taken.message,
        "Date": "2026-03-02 12:00:11",
    }


@pytest.mark.manual("MOP-05")
def test_the_cellphone_may_be_misspelt(told: Emulator, receiver: Receiver) -> None:
    told.fault(push="misspelled")
    deliver_sms(told)
    write_reply(told)

    (asked,) = receiver.asked
    assert names(asked) == ["response", "rellphone", "message_id", "date"]
    assert asked.parameters["rellphone"] == NUMBER


def test_the_date_may_be_written_otherwise(told: Emulator, receiver: Receiver) -> None:
    told.fault(push="other_date")
    deliver_sms(told)
    write_reply(told)

    assert receiver.parameters[0]["date"] == "02/03/2026 12:00"
    assert names(receiver.asked[0]) == [*RIGHT]


def test_the_message_may_be_nobodys(told: Emulator, receiver: Receiver) -> None:
    told.fault(push="unknown_id")
    deliver_sms(told)
    write_reply(told)

    message = int(receiver.parameters[0]["message_id"])
    assert message not in [each.id for each in told.messages()]
    found = poll_replies(told, {"type": 2, "messages": [message]})
    assert found == []
    assert names(receiver.asked[0]) == [*RIGHT]


def test_a_push_may_be_a_post(told: Emulator, receiver: Receiver) -> None:
    told.change_account(push_url=f"{receiver.url}?key=1")
    told.fault(push="post")
    deliver_sms(told)
    taken = write_reply(told, "ñ & más")

    (asked,) = receiver.asked
    assert (asked.method, asked.query) == ("POST", (("key", "1"),))
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.body == (
        f"response=%C3%B1+%26+m%C3%A1s&cellphone={NUMBER}"
        f"&message_id={taken.message}&date=2026-03-02+12%3A00%3A11"
    )
    (delivery,) = told.deliveries
    assert (delivery.state, delivery.attempts[0].method) == ("delivered", "POST")


def test_the_record_has_the_right_facts_and_what_was_sent(
    told: Emulator, receiver: Receiver
) -> None:
    told.fault(push="misspelled")
    deliver_sms(told)
    taken = write_reply(told)

    (delivery,) = told.deliveries
    assert dict(delivery.parameters) == {
        "response": "Si",
        "cellphone": int(NUMBER),
        "message_id": taken.message,
        "date": "2026-03-02 12:00:11",
    }
    assert "rellphone=" in delivery.attempts[0].query
    assert len(receiver.asked) == 1


def test_a_replay_is_wrong_in_the_same_way(told: Emulator, receiver: Receiver) -> None:
    told.fault(push="other_date", first=1)
    deliver_sms(told)
    write_reply(told)
    told.replay(1)
    told.settle()

    assert len({each.query for each in receiver.asked}) == 1
    assert len(receiver.asked) == 2


@pytest.mark.parametrize("trick", ["other_date", "misspelled", "capitalized", "post"])
def test_questions_for_keywords_go_wrong_as_well(
    emulator: Emulator, receiver: Receiver, trick: str
) -> None:
    emulator.add_item("keywords", keyword="hi", response_url=receiver.url)
    emulator.fault("keywordPush", push=trick)
    write_reply(emulator, "hi", OTHER)

    (asked,) = receiver.asked
    right = ["response", "cellphone", "keyword", "date"]
    assert names(asked) != right or asked.parameters["date"] == "02/03/2026 12:00"


# --- Spellings that are no fault --------------------------------------------------


@pytest.mark.manual("MOP-05")
@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("cellphone", [*RIGHT]),
        ("rellphone", ["response", "rellphone", "message_id", "date"]),
        ("both", [*RIGHT, "rellphone"]),
    ],
)
def test_a_world_may_choose_the_name_of_the_cellphone(
    told: Emulator, receiver: Receiver, choice: str, sent: list[str]
) -> None:
    told.change_account(assumptions={"mo_cellphone_name": choice})
    deliver_sms(told)
    write_reply(told)

    (asked,) = receiver.asked
    assert names(asked) == sent
    assert {asked.parameters[each] for each in sent if "ell" in each} == {NUMBER}


@pytest.mark.manual("SMP-06", "SMP-07", "SMP-10")
@pytest.mark.parametrize(
    ("choice", "webhook"), [("capitalized", "smppMoPush"), ("lower", "moPush")]
)
@pytest.mark.parametrize("trick", [None, "other_date", "misspelled", "unknown_id"])
def test_answers_to_smpp_are_pushed_as_the_world_chooses(
    api: Api, receiver: Receiver, choice: str, webhook: str, trick: str | None
) -> None:
    switched = {"push_url": receiver.url, "assumptions": {"smpp_mo_case": choice}}
    run_control(api, "PATCH", "account", json=switched)
    by_smpp(api)
    if trick:
        rule = {"operation": webhook, "effect": {"push": trick}}
        run_control(api, "POST", "faults", json=rule)
    text = {"number": NUMBER, "text": "Si"}
    (number,) = run_control(api, "POST", "inbound", json=text)["deliveries"]
    run_control(api, "POST", "clock/settle", json={})

    (asked,) = receiver.asked
    right = dict(check_push(asked, webhook)) if trick is None else asked.parameters
    lower = {name.casefold(): value for name, value in right.items()}
    assert lower["date"] == (
        "02/03/2026 12:00" if trick == "other_date" else "2026-03-02 12:00:11"
    )
    assert ("rellphone" in lower) == (trick == "misspelled")
    assert (int(lower["message_id"]) == 46608336) == (trick != "unknown_id")
    found = run_control(api, "GET", "deliveries")["deliveries"]
    assert [(each["id"], each["kind"]) for each in found] == [(number, webhook)]


def by_smpp(api: Api) -> None:
    """Place a campaign as the SMPP server does, and let it arrive."""
    placed = place_campaign(api)
    world = api.world
    campaign = world.get_campaign(placed["campaign"])
    keep_changes(world, campaign._replace(source=CampaignSource.SMPP))
    api.clock.advance(seconds=11)


# --- Which and when ---------------------------------------------------------------


def struck(emulator: Emulator, count: int = 12, **rule: Any) -> list[int]:
    """Return which of so many pushes a rule loses."""
    emulator.fault(push="lost", **rule)
    deliver_sms(emulator)
    for each in range(count):
        emulator.phone(NUMBER).reply(f"text {each}")
    emulator.settle()
    lost = [each.state == "lost" for each in emulator.deliveries]
    return [index for index, is_lost in enumerate(lost, 1) if is_lost]


@pytest.mark.parametrize(
    ("when", "which"),
    [
        ({"first": 2}, [1, 2]),
        ({"nth": 3}, [3]),
        ({"every": 5}, [5, 10]),
        ({"body_has": {"response": "text 3"}}, [4]),
        ({"number": NUMBER}, [*range(1, 13)]),
        ({"number": "7282", "nth": 1}, [1]),
        ({"number": OTHER}, []),
        ({"operation": "moPush", "nth": 2}, [2]),
        ({"operation": "keywordPush"}, []),
        ({"since": START + timedelta(hours=1)}, []),
        ({"until": START + timedelta(hours=1), "nth": 1}, [1]),
        ({"probability": 0}, []),
        ({"probability": 1, "nth": 7}, [7]),
    ],
)
def test_a_rule_says_which_and_when(
    told: Emulator, receiver: Receiver, when: dict[str, Any], which: list[int]
) -> None:
    assert struck(told, **when) == which
    assert len(receiver.asked) == 12 - len(which)
    assert told.faults[0].applied == len(which)


def test_chance_comes_from_the_seed(home: Emulator, receiver: Receiver) -> None:
    stories = []
    for seed in (1, 1, 2):
        with open_world(home, seed=seed) as world:
            world.change_account(push_url=receiver.url)
            stories.append(struck(world, 40, probability=0.5))

    assert stories[0] == stories[1] != stories[2]
    assert 5 < len(stories[0]) < 35


def test_one_rule_at_most_strikes(told: Emulator, receiver: Receiver) -> None:
    told.fault(push="lost", first=1)
    told.fault(push="duplicated", first=1)
    deliver_sms(told)
    write_reply(told, "a")
    write_reply(told, "b")

    assert texts(receiver) == ["b", "b"]


def test_rules_about_pushes_and_about_requests_do_not_meet(
    told: Emulator, receiver: Receiver
) -> None:
    told.fault(push="lost")
    told.fault(status=500)
    arrived_in_spite = told.request("GET", "/api/v1/user")

    assert arrived_in_spite.status == 500
    told.clear_faults()
    told.fault(push="lost")
    deliver_sms(told)
    write_reply(told)
    assert told.faults[0].matched == 1
    assert receiver.asked == []


def test_what_pushes_suffered_is_counted(told: Emulator, home: Emulator) -> None:
    def count() -> str:
        text = home.request("GET", "/_emulator/metrics").text
        lines = [
            each for each in text.splitlines() if 'faults_total{operation="mo' in each
        ]
        return lines[0].rpartition(" ")[2] if lines else "0"

    before = int(count())
    told.fault(push="lost")
    deliver_sms(told)
    write_reply(told)

    assert int(count()) == before + 1


# --- Contradictions ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "advice"),
    [
        ({"effect": {"push": "lost", "seconds": 5}}, "push lost takes no seconds"),
        ({"effect": {"push": "lost", "count": 5}}, "push lost takes no count"),
        ({"effect": {"push": "late"}}, "how late"),
        ({"effect": {"push": "storm"}}, "how many"),
        ({"effect": {"push": "late", "seconds": 0}}, "seconds"),
        ({"effect": {"push": "storm", "count": 1}}, "count"),
        ({"effect": {"push": "sideways"}}, "push"),
        ({"effect": {"push": "lost", "status": 500}}, "not with status"),
        ({"effect": {"push": "lost", "delay": 5}}, "not with push"),
        ({"effect": {"push": "lost"}, "phase": "before"}, "leave it out"),
        ({"effect": {"push": "lost"}, "phase": "after"}, "leave it out"),
        ({"effect": {"push": "lost"}, "phase": "early"}, "leave it out"),
        ({"effect": {"push": "early"}, "phase": "push"}, "leave it out"),
        ({"effect": {"push": "lost"}, "operation": "createCampaign"}, "moPush"),
        ({"effect": {"push": "lost"}, "token": "demo"}, "say number"),
        ({"effect": {"push": "lost"}, "headers": {"a": "b"}}, "say number"),
        ({"effect": {"status": 500}, "operation": "moPush"}, "push"),
        ({"effect": {"status": 500}, "phase": "push"}, "push"),
        ({"effect": {"wire": "close"}, "phase": "early"}, "push"),
    ],
)
def test_what_contradicts_itself_is_refused_with_advice(
    api: Api, rule: dict[str, Any], advice: str
) -> None:
    answer = send_control(api, "POST", "faults", json=rule)

    assert answer.status == 422
    assert advice in answer.body["detail"] + answer.body["title"]
    assert run_control(api, "GET", "faults") == []


@pytest.mark.parametrize("trick", [*PushMutation])
def test_a_rule_is_shown_as_it_can_be_asked_again(
    api: Api, trick: PushMutation
) -> None:
    effect: dict[str, Any] = {"push": str(trick)}
    effect |= {PushMutation.LATE: {"seconds": 5}, PushMutation.STORM: {"count": 3}}.get(
        trick, {}
    )
    shown = run_control(
        api, "POST", "faults", json={"operation": "*", "effect": effect}
    )

    told = {name: shown[name] for name in ("operation", "phase", "effect")}
    again = run_control(api, "POST", "faults", json=told)
    assert {**again, "id": shown["id"]} == shown
    assert shown["effect"] | effect == shown["effect"]


@pytest.mark.parametrize("word", ["push=lost", "status=500; phase=push", "count=2"])
def test_the_header_of_a_request_knows_nothing_of_pushes(api: Api, word: str) -> None:
    answer = api.post(SMS, json=make_sms(), headers={"X-Emulator-Fault": word})

    assert answer.status == 422


def test_a_fault_of_what_leaves_marks_no_answer(api: Api, receiver: Receiver) -> None:
    run_control(api, "PATCH", "account", json={"push_url": receiver.url})
    for trick in ("early", "duplicated"):
        run_control(api, "POST", "faults", json={"effect": {"push": trick}})

    answer = api.post(SMS, json=make_sms(recipients=make_recipients("9990010000")))

    assert answer.status == 200
    assert "x-emulator-fault" not in answer.headers
    assert len(receiver.asked) == 2
    journal = run_control(api, "GET", "journal")["exchanges"]
    assert [each["fault"] for each in journal] == [""]


def test_a_world_that_is_restored_has_its_rules_and_their_counts(
    told: Emulator, receiver: Receiver
) -> None:
    told.fault(push="lost", nth=2)
    deliver_sms(told)
    write_reply(told, "a")
    told.restore(told.snapshot())
    write_reply(told, "b")
    write_reply(told, "c")

    assert texts(receiver) == ["a", "c"]
