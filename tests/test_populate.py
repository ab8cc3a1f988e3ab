"""A world that somebody seems to live in."""

from collections import Counter
from datetime import timedelta
from itertools import chain
from typing import Any

from emulator.domain.handset import Outcome
from emulator.operations.control.populate import SAMPLE_WEIGHTS
from emulator.operations.control.sample_people import AREA_CODES, SampleCrowd
from emulator.operations.control.sample_texts import SAMPLE_CAMPAIGNS
from tests.support.emulator import (
    START,
    Api,
    MakeApi,
    keep_changes,
    read_demo_world,
    run_control,
    send_control,
)
from tests.support.processes import read_complaint, run_command, serve_emulator

CITIES = {"55", "33", "81"}  # whose area codes have two digits
SMALL = {"campaigns": 22, "recipients": 40}


def filled(api: Api, **changes: Any) -> Any:
    return run_control(api, "POST", "world/populate", json={**SMALL, **changes})


def story(api: Api) -> list[Any]:
    """Return what a world holds, as a list to compare."""
    campaigns = run_control(api, "GET", "campaigns?newest=first")
    talk = run_control(api, "GET", "conversations?limit=200")
    return [campaigns, talk, run_control(api, "GET", "links")]


def test_a_world_is_filled_with_campaigns_of_all_channels(api: Api) -> None:
    done = filled(api)

    campaigns = run_control(api, "GET", "campaigns")
    assert done["campaigns"] == len(campaigns) == 22
    assert {each["channel"] for each in campaigns} == {
        "sms",
        "smsclic",
        "voice",
        "email",
    }
    assert done["messages"] == sum(each["recipients_count"] for each in campaigns)


def test_it_has_lived_for_weeks_and_the_last_campaign_begins_now(api: Api) -> None:
    filled(api)

    world = api.world
    tables = (world.campaigns, world.voice_campaigns, world.email_campaigns)
    instants = sorted(each.created_at for table in tables for each in table.values())
    assert START - timedelta(days=25) < instants[0] < START - timedelta(days=20)
    assert instants[-1] == START
    noon = (each.astimezone(api.account.zone).hour for each in instants)
    assert all(9 <= each <= 20 for each in noon)


def test_people_answer_and_click_in_time(api: Api) -> None:
    done = filled(api, recipients=400)

    responses, clicks = api.world.responses, api.world.clicks
    assert done["replies"] == len(responses) > 20
    assert done["clicks"] == len(clicks) > 100
    for each in responses:
        assert each.sent_at is not None
        assert each.sent_at <= each.received_at <= START
    assert all(each.at <= START for each in clicks)
    assert {each.response for each in responses} <= {
        words for told in SAMPLE_CAMPAIGNS for words in told.replies
    }


def test_one_seed_makes_one_life(make_api: MakeApi) -> None:
    one, same, other = make_api(), make_api(), make_api(seed=2)
    for each in (one, same, other):
        filled(each)

    assert story(one) == story(same) != story(other)


def test_its_parts_make_the_whole(make_api: MakeApi) -> None:
    whole, parted = make_api(), make_api()
    filled(whole)
    total: Counter[str] = Counter()
    for part in range(22):
        total += Counter(filled(parted, part=part))

    assert story(whole) == story(parted)
    assert total["campaigns"] == 22


def test_strict_worlds_take_it_too(strict: Api) -> None:
    assert filled(strict)["campaigns"] == 22


def test_an_account_without_links_and_services_gets_what_it_may(
    make_api: MakeApi,
) -> None:
    bare = make_api(links=[], services={"voice": False, "email": False})

    filled(bare)

    channels = {each["channel"] for each in run_control(bare, "GET", "campaigns")}
    assert channels == {"sms"}


def test_where_credit_runs_out_what_was_placed_stays(make_api: MakeApi) -> None:
    poor = make_api(account={**read_demo_world()["account"], "credit": 20})

    answer = send_control(poor, "POST", "world/populate", json=SMALL)

    assert answer.status == 422
    assert 0 < len(run_control(poor, "GET", "campaigns")) < 22
    keep_changes(poor.world)  # nothing is left over for the next request to carry out
    assert poor.world.balance >= 0


def test_the_account_is_what_it_was(api: Api) -> None:
    before = run_control(api, "GET", "population")

    filled(api)

    assert run_control(api, "GET", "population") == before


def test_numbers_have_ten_digits_and_a_real_area_code() -> None:
    people = SampleCrowd(1, 3_000)

    numbers = [each.cellphone for each in people]
    areas = {each[:2] if each[:2] in CITIES else each[:3] for each in numbers}
    assert len(set(numbers)) > 2_990
    assert all(each.isdecimal() and len(each) == 10 for each in numbers)
    assert areas == set(AREA_CODES) >= CITIES
    assert not any(each.startswith("999") for each in numbers)


def test_everybody_has_a_mailbox_of_ones_own_that_is_named_after_them() -> None:
    people = SampleCrowd(1, 3_000)

    boxes = [each.email for each in people]
    assert len(set(boxes)) == 3_000
    for place, each in enumerate(people):
        name, _, host = each.email.partition("@")
        *parts, number = name.split(".")
        assert (host, number) == ("example.org", str(place))
        assert len(parts) == len(each.name.replace("-", " ").split()), each
        assert all(part.isascii() and part.islower() for part in parts), each


def test_a_crowd_fares_as_crowds_do_unless_the_world_says_how(api: Api) -> None:
    filled(api, recipients=400)
    api.clock.advance(days=2)
    fared = outcomes(api)

    assert sum(SAMPLE_WEIGHTS.values()) == 100  # per cent
    assert set(fared) == set(SAMPLE_WEIGHTS)
    assert 0.85 < fared[Outcome.SENT] / fared.total() < 0.95


def test_where_the_world_says_how_a_crowd_fares_it_fares_so(make_api: MakeApi) -> None:
    api = make_api(population=[{"weight": 1, "outcome": "busy"}])
    filled(api)

    assert set(outcomes(api)) == {Outcome.BUSY}


def outcomes(api: Api) -> Counter[int]:
    return Counter(chain(*(each.outcomes for each in api.world.campaigns.values())))


def test_the_command_fills_the_world_of_a_token_and_says_how_much() -> None:
    wanted = ("populate", "--campaigns", "3", "--recipients", "5")
    with serve_emulator() as served:
        done = run_command(*wanted, "--token", "world-alive", "--url", served.url)
        listed = served.ask("GET", "/_emulator/campaigns?world=alive").body
        untouched = served.ask("GET", "/_emulator/campaigns").body

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("3 campaigns, 15 messages, ")
    assert (len(listed), untouched) == (3, [])


def test_where_nobody_answers_the_command_says_so() -> None:
    said = read_complaint("populate", "--campaigns", "1", "--url", "http://127.0.0.1:9")

    assert "127.0.0.1:9" in said
