"""Worlds: minted by a token, apart from one another, read from files."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.serving.composition import build_program
from emulator.serving.settings import Settings
from emulator.worldfile.fixture import (
    FixtureError,
    FixtureOverrides,
    load_fixture,
    parse_fixture,
)
from tests.support.emulator import (
    START,
    Api,
    MakeApi,
    make_limited_emulator,
    read_demo_world,
    run_at_once,
)
from tests.support.orders import AHEAD, NUMBER, SMS, make_order

Serving = Callable[..., Api]

USER = "/api/v1/user"
ROUTES = "/api/v3/user/routes"
WORLDS = Path(__file__).parent.parent / "fixtures" / "worlds"
FROZEN = {"clock": START.isoformat()}


def written(folder: Path, file: str = "mine.yaml", /, **changes: Any) -> Path:
    """Write the demo world's file with *changes*; ``None`` takes a part away."""
    document = {**read_demo_world(), **FROZEN, **changes}
    kept = {key: value for key, value in document.items() if value is not None}
    path = folder / file
    path.write_text(yaml.safe_dump(kept, allow_unicode=True), "utf-8")
    return path


@pytest.fixture
def serving() -> Iterator[Serving]:
    """Build programs by their settings: ``serving(world=path, strict=True)``."""
    opened: list[Api] = []

    def make(world: Path | str, token: str = "demo", **settings: Any) -> Api:
        opened.append(Api(build_program(Settings(world=str(world), **settings)), token))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.mark.parametrize(
    "name", ["a", "9", "one", "A.b-c_d", "x" * 63, "world-", "world-two", "1.2.3"]
)
def test_a_world_is_minted_when_its_token_is_first_used(api: Api, name: str) -> None:
    answer = api.get(USER, token=f"world-{name}")

    assert answer.status == 200
    assert answer.body["data"]["user"] == "beatriz.arevalo@example.org"
    assert answer.body["data"]["credit"] == 468062.11
    assert api.get(ROUTES, token=f"world-{name}").body == api.get(ROUTES).body


@pytest.mark.manual("AUT-04")
@pytest.mark.parametrize(
    "name", ["", "-a", ".a", "a b", "a/b", "a:b", "ñ", "x" * 64, "a\t", "a%20", "*"]
)
def test_a_name_that_no_world_can_have_is_refused(api: Api, name: str) -> None:
    answer = api.get(USER, token=f"world-{name}")

    assert answer.status == 401
    assert len(api.worlds) == 1


def test_a_world_is_the_same_each_time(api: Api) -> None:
    placed = api.post(SMS, json=make_order(SMS), token="world-one").body["campaign"]

    seen = api.get(f"/api/v3/campaign/{placed}/messages", token="world-one")

    assert seen.status == 200
    assert len(api.worlds) == 2


@pytest.mark.manual("AUT-08")
def test_worlds_know_nothing_of_each_other(api: Api) -> None:
    one = api.post(SMS, json=make_order(SMS), token="world-one").body
    two = api.post(SMS, json=make_order(SMS), token="world-two").body
    api.post(SMS, json=make_order(SMS), token="world-two")

    third = api.get(USER, token="world-three").body["data"]

    assert one["campaign"] == two["campaign"] == 8528238
    assert one["balance"] == two["balance"] == 468061.11
    assert third["credit"] == 468062.11
    assert third["API_settings"][0]["name"] == "default"
    assert api.get("/api/v3/campaign/8528239/messages", token="world-two").status == 200
    assert api.get("/api/v3/campaign/8528239/messages", token="world-one").status == 404


def test_each_world_has_a_clock_of_its_own(api: Api) -> None:
    for token in ("world-one", "world-two"):
        api.post(SMS, json=make_order(SMS), token=token)
    path = "/api/v3/campaign/8528238/messages"

    run_at_once(api.worlds.get_or_create("world-one")).clock.advance(
        START.replace(minute=1) - START
    )

    assert api.get(path, token="world-one").body["percentage"] == 100
    assert api.get(path, token="world-two").body["campaign_status"] == "inserting"


def test_the_worlds_of_files_are_not_minted_over(api: Api) -> None:
    answer = api.get(USER, token="world-demo")

    assert answer.status == 401
    assert answer.headers["x-emulator-why"] == "world demo has tokens of its own"


def test_a_process_holds_so_many_worlds_and_no_more() -> None:
    with closing(make_limited_emulator(3)) as api:
        statuses = [
            api.get(USER, token=f"world-{name}").status
            for name in ("one", "two", "three", "one")
        ]
        full = api.get(USER, token="world-four")

    assert statuses == [200, 200, 401, 200]
    assert "there are 3 worlds" in full.headers["x-emulator-why"]


def test_the_limit_of_worlds_is_a_setting(serving: Serving) -> None:
    api = serving("demo", max_worlds=1)

    assert api.get(USER).status == 200
    assert api.get(USER, token="world-one").status == 401


@pytest.mark.manual("AUT-01")
def test_a_file_names_its_tokens(serving: Serving, tmp_path: Path) -> None:
    tokens = [{"name": "a", "token": "first"}, {"name": "b", "token": "sec/ond"}]
    api = serving(written(tmp_path, tokens=tokens), "first")

    settings = api.get(USER, token="sec/ond").body["data"]["API_settings"]

    assert [each["name"] for each in settings] == ["a", "b"]
    assert api.get(USER, token="demo").status == 401


def test_a_file_without_tokens_is_opened_by_its_worlds_name(
    serving: Serving, tmp_path: Path
) -> None:
    api = serving(written(tmp_path, "tienda.yaml", name=None, tokens=None), "tienda")

    assert api.get(USER).status == 200
    assert api.world.name == "tienda"


def test_new_worlds_are_made_like_the_first_file(
    serving: Serving, tmp_path: Path
) -> None:
    account = {**read_demo_world()["account"], "credit": 5}
    path = written(tmp_path, account=account, assumptions={"language": "en"})
    api = serving(path)

    fresh = api.get(USER, token="world-one").body["data"]
    refused = api.post(SMS, json=[], token="world-one")

    assert fresh["credit"] == 5
    assert refused.information == "The request must be a JSON object"


def test_a_directory_holds_several_worlds(serving: Serving, tmp_path: Path) -> None:
    written(tmp_path, "b.yaml", name="beta", tokens=None)
    written(tmp_path, "a.yaml", name="alfa", tokens=None)
    (tmp_path / "notes.txt").write_text("not a world")

    api = serving(tmp_path, "alfa")

    assert api.worlds.default.name == "alfa"
    assert api.get(USER, token="alfa").status == 200
    assert api.get(USER, token="beta").status == 200
    assert len(api.worlds) == 2


@pytest.mark.manual("ERR-11")
def test_each_world_of_a_directory_refuses_in_its_own_language(
    serving: Serving, tmp_path: Path
) -> None:
    written(tmp_path, "a.yaml", name="alfa", tokens=None)
    english = {"language": "en"}
    written(tmp_path, "b.yaml", name="beta", tokens=None, assumptions=english)
    api = serving(tmp_path)

    sentences = [
        api.get("/api/v3/campaign/7/messages", token=token).information
        for token in ("alfa", "beta", "unknown")
    ]

    assert sentences == [
        "La campaña no existe",
        "The campaign does not exist",
        "No autenticado",  # a stranger is spoken to as in the first world
    ]


def test_an_empty_directory_is_no_world(tmp_path: Path) -> None:
    with pytest.raises(FixtureError, match=r"holds no world file \(\*\.yaml\)"):
        build_program(Settings(world=str(tmp_path)))


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ({"name": "demo"}, "two world files are called demo"),
        ({"name": "beta"}, "the token demo would open two worlds: demo and beta"),
    ],
)
def test_two_files_cannot_claim_the_same(
    tmp_path: Path, second: dict[str, str], says: str
) -> None:
    written(tmp_path, "a.yaml")
    written(tmp_path, "b.yaml", **second)

    with pytest.raises(FixtureError, match=says):
        build_program(Settings(world=str(tmp_path)))


def test_a_mistake_in_a_directory_names_its_file(tmp_path: Path) -> None:
    written(tmp_path, "a.yaml")
    written(tmp_path, "b.yaml", name="beta", tokens=None, seed="one")

    with pytest.raises(FixtureError, match=r"b\.yaml is wrong at seed: 'one'"):
        build_program(Settings(world=str(tmp_path)))


@pytest.mark.parametrize("name", ["demo", "contract"])
def test_a_world_that_comes_with_the_program_is_named_without_its_path(
    serving: Serving, name: str
) -> None:
    api = serving(name, name)

    assert api.get(USER).status == 200
    assert api.world.name == name


def test_the_world_for_contract_testing_has_no_surprises(serving: Serving) -> None:
    api = serving("contract", "contract")
    before = api.clock.now
    expensive = make_order(SMS, country=2, route=None, recipients=[TO] * 50_000)

    answers = [api.post(SMS, json=expensive) for _ in range(6)]

    assert {answer.status for answer in answers} == {200}
    assert answers[-1].body["balance"] == 468062.11 - 600_000
    assert api.clock.now == before


TO = {"cellphone": NUMBER}
ACCOUNT = read_demo_world()["account"]
ROUTE, *OTHER_ROUTES = read_demo_world()["routes"]
MISTAKES = [
    ({"color": 1}, "at the top: Additional properties are not allowed .'color'"),
    ({"account": None}, "at the top: 'account' is a required property"),
    ({"routes": None}, "at the top: 'routes' is a required property"),
    ({"name": "a b"}, "at name: 'a b' does not match"),
    ({"name": "x" * 64}, "at name: 'x+' does not match"),
    ({"seed": 1.5}, "at seed: 1.5 is not of type 'integer'"),
    ({"strict": "yes"}, "at strict: 'yes' is not of type 'boolean'"),
    ({"account": {**ACCOUNT, "credit": "5"}}, "at account.credit: '5' is not of type"),
    ({"account": {**ACCOUNT, "credit": 1e30}}, r"at account.credit: 1e\+30 is greater"),
    (
        {"account": {**ACCOUNT, "credit": float("inf")}},
        "at account.credit: inf is great",
    ),
    ({"account": {**ACCOUNT, "credit": float("nan")}}, "somewhere: .nan"),
    ({"account": {**ACCOUNT, "credit": 0.0000001}}, "1e-07 has more than six decimals"),
    ({"account": {**ACCOUNT, "city": "x"}}, "at account: Additional properties"),
    ({"account": {**ACCOUNT, "time_zone": "Mars/Base"}}, "No time zone found .*Mars"),
    ({"account": {**ACCOUNT, "time_zone": "../UTC"}}, "../UTC"),
    ({"account": {**ACCOUNT, "time_zone": "America"}}, "America"),
    ({"routes": [{**ROUTE, "price": -1}]}, "at routes.0.price: -1 is less than"),
    ({"routes": [ROUTE, {**ROUTE, "price": "1"}]}, "at routes.1.price: '1' is not of"),
    ({"routes": [ROUTE, {}]}, "at routes.1: 'route' is a required property"),
    ({"routes": [{**ROUTE, "country": 9}]}, "route 87 leads to an unknown country"),
    ({"tokens": [{"name": "a", "token": "a b"}]}, "at tokens.0.token: 'a b' does not"),
    ({"tokens": [{"name": "a", "token": ""}]}, "at tokens.0.token: '' does not match"),
    (
        {"tokens": [{"name": "a", "token": "ñ"}]},
        "at tokens.0.token: 'ñ' does not match",
    ),
    ({"tokens": [{"name": "a", "token": "a\r\nb"}]}, "at tokens.0.token"),
    (
        {"tokens": [{"name": "a", "token": "a\n"}]},
        "somewhere: .* a line break too many",
    ),
    ({"token_lifetime_days": 0}, "at token_lifetime_days: 0 is less than the min"),
    ({"token_lifetime_days": 1e10}, "at token_lifetime_days: 10000000000.0 is greater"),
    ({"pace": "fast"}, "at pace: 'fast' is not valid under any of the given schemas"),
    ({"pace": {"sms_after": -1}}, "at pace.*-1"),
    ({"pace": {"sms_after": 1e20}}, r"at pace.*1e\+20"),
    ({"services": {"fax": True}}, "at services: .*'fax' was unexpected"),
    ({"prices": {"voice": -1}}, "at prices.voice: -1 is less than the minimum"),
    ({"remittents": ["12"]}, "at remittents.0: '12' does not match"),
    ({"whitelist": ["http://x"]}, "at whitelist.0: 'http://x' does not match"),
    ({"short_link_base": "https://x/"}, "at short_link_base: 'https://x/' does not"),
    (
        {"population": [{"outcome": "lost", "weight": 1}]},
        "at population.0.outcome: 'los",
    ),
    ({"population": [{"outcome": "sent", "weight": -1}]}, "at population.0.weight: -1"),
    ({"handsets": [{"cellphone": "1", "outcome": "sent"}]}, "at handsets.0.cellphone"),
    (
        {"assumptions": {"charge": "twice"}},
        "charge is one of per_part, per_recipient, n",
    ),
    ({"assumptions": {"speed": "x"}}, "there is no assumption called 'speed'"),
    (
        {"assumptions": {"charge": 1}},
        "at assumptions.charge: 1 is not of type 'string'",
    ),
    ({"refusals": {"NEVER": {}}}, "there is no refusal called NEVER"),
    (
        {"refusals": {"REQUIRED": {"status": 200}}},
        "at refusals.REQUIRED.status: 200 is",
    ),
    ({"refusals": {"REQUIRED": {"fr": "x"}}}, "at refusals.REQUIRED: Additional"),
    ({"refusals": {"REQUIRED": {"es": "{x}"}}}, r"REQUIRED knows field, not \['x'\]"),
    ({"refusals": {"REQUIRED": {"en": "{"}}}, "Single '{' encountered"),
    (
        {"refusals": {"INSUFFICIENT_BALANCE": {"es": "{}"}}},
        "INSUFFICIENT_BALANCE knows",
    ),
    (
        {"links": [{"id": 4, "title": "x", "url": "ftp://x"}]},
        "at links.0.url: 'ftp://x'",
    ),
    (
        {"links": [{"id": 0, "title": "x", "url": "http://x"}]},
        "at links.0.id: 0 is less",
    ),
    ({1: 2}, "at the top: Additional properties are not allowed .1 was"),
]


@pytest.mark.parametrize(("changes", "says"), MISTAKES)
def test_a_mistake_in_a_file_is_told_with_its_path(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    document = {**read_demo_world(), **changes}
    kept = {key: value for key, value in document.items() if value is not None}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(kept), "utf-8")

    with pytest.raises(FixtureError, match=rf"mine\.yaml is wrong .*{says}"):
        load_fixture(path, FixtureOverrides(), now=START)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("clock: 2026-01-31T12:00:00Z", "at clock: datetime"),
        ("clock: 12", "at clock: 12 is not of type 'string'"),
        (
            "keywords: [{keyword: a, created: 2026-01-31 12:00:00}]",
            "at keywords.0.created",
        ),
        ("assumptions: {charge: off}", "charge is one of per_part, per_recipient"),
        ("whitelist: &again [*again]", "at whitelist.0"),
        ("seed: !!python/object:os.system {}", "could not determine a constructor"),
        ("seed: " + "9" * 5000, "cannot be read: Exceeds the limit"),
        ("seed: " + "[" * 2000 + "]" * 2000, "recursion"),
        ("seed: [", "cannot be read: while parsing"),
        ("seed: 1\n---\nseed: 2", "expected a single document"),
    ],
)
def test_what_yaml_makes_of_a_line_may_be_wrong_too(
    tmp_path: Path, line: str, says: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((WORLDS / "demo.yaml").read_text("utf-8") + line + "\n", "utf-8")

    with pytest.raises(FixtureError, match=rf"the world file .*mine\.yaml .*{says}"):
        load_fixture(path, FixtureOverrides(), now=START)


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b"", "is wrong at the top: None is not of type 'object'"),
        (b"hola", "is wrong at the top: 'hola' is not of type 'object'"),
        (b"[]", r"is wrong at the top: \[\] is not of type 'object'"),
        (b"a:\t- b\n\t- c", "cannot be read"),
        (b"name: \xff\xfe", "cannot be read: 'utf-8' codec can't decode"),
        ("name: demo".encode("utf-16")[:-1], "cannot be read: 'utf-16.*' codec can't"),
        ("hola".encode("utf-16"), "is wrong at the top: 'hola' is not of type"),
        (b"name: a\0b", "cannot be read: unacceptable character"),
        (b"name: *nobody", "cannot be read: found undefined alias"),
    ],
)
def test_a_file_that_is_no_world_is_told_in_one_sentence(
    tmp_path: Path, octets: bytes, says: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(octets)

    with pytest.raises(FixtureError, match=says) as told:
        load_fixture(path, FixtureOverrides(), now=START)

    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["nowhere.yaml", "folder.yaml", "a\0b"])
def test_a_file_that_cannot_be_opened_is_told_in_one_sentence(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder.yaml").mkdir()

    with pytest.raises(FixtureError, match="cannot be read") as told:
        load_fixture(tmp_path / name, FixtureOverrides(), now=START)

    assert "\n" not in str(told.value)


def test_a_name_that_is_neither_world_nor_file_is_told() -> None:
    with pytest.raises(FixtureError, match="the world file nowhere cannot be read"):
        build_program(Settings(world="nowhere"))


def test_a_file_name_that_no_token_could_carry_needs_another(tmp_path: Path) -> None:
    path = written(tmp_path, "mi tienda.yaml", name=None)

    with pytest.raises(FixtureError, match="the file's name 'mi tienda' is none of a"):
        load_fixture(path, FixtureOverrides(), now=START)


@pytest.mark.parametrize(
    ("text", "rate", "begins"),
    [
        ("real", 1, None),
        ("frozen", 0, None),
        ("x60", 60, None),
        ("x0.5", 0.5, None),
        ("x1000000", 1_000_000, None),
        ("2026-01-31T12:00:00Z", 0, "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T12:00:00-06:00", 0, "2026-01-31T18:00:00+00:00"),
        ("2026-01-31 12:00:00", 0, "2026-01-31T12:00:00+00:00"),
        ("2026-01-31", 0, "2026-01-31T00:00:00+00:00"),
        ("2000-01-01", 0, "2000-01-01T00:00:00+00:00"),
        ("8999-12-31", 0, "8999-12-31T00:00:00+00:00"),
    ],
)
def test_a_clock_is_told_in_words(text: str, rate: float, begins: str | None) -> None:
    fixture = parse_fixture({**read_demo_world(), "clock": text}, "demo", now=START)

    assert fixture.rate == rate
    assert (fixture.at and fixture.at.isoformat()) == begins


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fast",
        "x",
        "x0",
        "x-1",
        "xnan",
        "xinf",
        "x1e308",
        "xx",
        "60",
        "2026-13-01",
        "2026-02-30T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+05:00",
        "1999-12-31",
        "2000-01-01T00:00:00+14:00",
    ],
)
def test_other_words_are_no_clock(text: str) -> None:
    with pytest.raises(FixtureError, match="in what it means"):
        parse_fixture({**read_demo_world(), "clock": text}, "demo", now=START)


def test_a_fast_clock_runs_ahead(serving: Serving, tmp_path: Path) -> None:
    api = serving(written(tmp_path, clock="x1000000"))
    begun = api.clock.now

    for _ in range(10):
        api.get(USER)

    assert (api.clock.now - begun).total_seconds() > 10


def test_a_frozen_clock_stands(serving: Serving, tmp_path: Path) -> None:
    api = serving(written(tmp_path, clock="frozen"))

    first, second = api.clock.now, api.clock.now

    assert first == second


DRAWN = [
    {"outcome": "sent", "weight": 7},
    {"outcome": "failed", "weight": 2},
    {"outcome": "retried", "weight": 1},
]
CROWD = [{"cellphone": f"55{number:08d}"} for number in range(2000)]


def fates(api: Api, recipients: list[dict[str, str]]) -> list[str]:
    """Return the status of a message to each, half a minute after placing."""
    body = make_order(SMS, recipients=recipients)
    placed = api.post(SMS, json=body).body["campaign"]
    api.clock.advance(seconds=40)
    rows = api.get(f"/api/v3/campaign/{placed}/messages").body["data"]
    return [row["status"] for row in rows]


@pytest.mark.manual("DLR-19")
def test_everybody_is_reached_unless_the_world_says_otherwise(api: Api) -> None:
    assert set(fates(api, CROWD)) == {"sent"}


@pytest.mark.manual("DLR-19")
def test_a_population_is_drawn_by_its_weights(make_api: MakeApi) -> None:
    drawn = Counter(fates(make_api(population=DRAWN), CROWD))

    assert drawn["sent"] == pytest.approx(1400, rel=0.1)
    assert drawn["failed"] == pytest.approx(400, rel=0.2)
    assert drawn["retried"] == pytest.approx(200, rel=0.3)
    assert drawn.total() == 2000


@pytest.mark.manual("DLR-19", "HLR-09")
def test_the_seed_and_the_number_decide_and_nothing_else(make_api: MakeApi) -> None:
    first = fates(make_api(population=DRAWN), CROWD)
    backwards = make_api(population=DRAWN)
    fates(backwards, CROWD[:10])

    again = fates(backwards, CROWD[::-1])[::-1]
    other = fates(make_api(population=DRAWN, seed=2), CROWD)

    assert again == first
    assert other != first


@pytest.mark.manual("DLR-19", "HLR-09")
def test_handsets_and_the_reserved_block_are_not_drawn(make_api: MakeApi) -> None:
    handsets = [{"cellphone": NUMBER, "outcome": "failed"}]
    handsets += [{"cellphone": "9990000002", "outcome": "unknown"}]
    api = make_api(population=[{"outcome": "sent", "weight": 1}], handsets=handsets)
    numbers = (NUMBER, "9990000001", "9990001001", "9990000002")

    found = fates(api, [{"cellphone": number} for number in numbers])

    assert found == ["failed", "sent", "failed", "failed"]
    assert api.get(f"/api/v3/hlr/{NUMBER}").body["status"] == "inactive"
    assert api.get("/api/v3/hlr/9990000002").body["status"] == "unknown"


def test_weights_of_nothing_reach_everybody(make_api: MakeApi) -> None:
    api = make_api(population=[{"outcome": "failed", "weight": 0}])

    assert set(fates(api, CROWD)) == {"sent"}


def test_a_flag_makes_every_world_strict_or_lenient(
    serving: Serving, tmp_path: Path
) -> None:
    strict_file = written(tmp_path, strict=True)
    wrong = make_order(SMS, country=2)  # which route 87 does not lead to

    statuses = [
        serving(world, strict=strict).post(SMS, json=wrong).status
        for world in (strict_file, "demo")
        for strict in (None, True, False)
    ]

    assert statuses == [422, 422, 200, 200, 422, 200]


def test_what_a_file_assumes_counts_over_strict(
    serving: Serving, tmp_path: Path
) -> None:
    path = written(tmp_path, assumptions={"route_elsewhere": "accept"})
    api = serving(path, strict=True)

    elsewhere = api.post(SMS, json=make_order(SMS, country=2))
    past = api.post(SMS, json=make_order(SMS, scheduled_date="2026-01-01 00:00:00"))

    assert (elsewhere.status, elsewhere.notes) == (200, ["SMS-34"])
    assert past.status == 422


def test_a_flag_sets_the_pace_of_every_world(serving: Serving, tmp_path: Path) -> None:
    path = written(tmp_path, pace={"sms_after": 5})
    percentages = []

    for pace in (None, "manual", "instant"):
        api = serving(path, pace=pace)
        placed = api.post(SMS, json=make_order(SMS)).body["campaign"]
        api.clock.advance(seconds=6 if pace is None else 0)
        answer = api.get(f"/api/v3/campaign/{placed}/messages")
        percentages.append(answer.body["percentage"])

    assert percentages == [100, 0, 100]


def test_a_flag_sets_the_clock_of_every_world(serving: Serving, tmp_path: Path) -> None:
    path = written(tmp_path)
    api = serving(path, clock="2030-05-06T07:08:09Z")

    dates = [
        api.get(USER, token=token).body["data"]["API_settings"][0]["creation"]
        for token in ("demo", "world-one")
    ]

    assert dates == ["2030-05-06 01:08:09"] * 2


def test_a_flag_sets_the_seed_of_every_world(serving: Serving, tmp_path: Path) -> None:
    path = written(tmp_path, population=DRAWN, seed=5)

    told = [fates(serving(path, seed=seed), CROWD[:200]) for seed in (None, 5, 0)]

    assert told[0] == told[1]
    assert told[0] != told[2]


def test_a_world_file_may_hold_campaigns_of_any_price(make_api: MakeApi) -> None:
    dear = {**ROUTE, "price": 100_000}
    api = make_api(routes=[dear], account={**ACCOUNT, "credit": 9e9}, pace="instant")

    answer = api.post(SMS, json=make_order(SMS, recipients=[TO] * 50_000))

    assert answer.body["balance"] == 9e9 - 5e9
    assert api.post(SMS, json=make_order(SMS, scheduled_date=AHEAD)).status == 200


@pytest.mark.manual("SMS-47", "VOI-35")
def test_words_that_yaml_takes_for_truths_may_stand_without_quotes(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.yaml"
    words = "assumptions: {url_whitelist: off, refund_on_cancel: no}"
    bundled = (WORLDS / "demo.yaml").read_text("utf-8")
    path.write_text(f"{bundled}{words}\n", "utf-8")

    assumptions = load_fixture(path, FixtureOverrides(), now=START).account.assumptions

    assert assumptions.chosen["url_whitelist"] == "off"
    assert assumptions.chosen["refund_on_cancel"] == "no"


@pytest.mark.parametrize("what", ["routes", "countries", "audios", "media", "links"])
def test_two_things_of_a_world_cannot_have_one_id(make_api: MakeApi, what: str) -> None:
    things = read_demo_world()[what]

    with pytest.raises(FixtureError, match="have the id"):
        make_api(**{what: [*things, things[0]]})


@pytest.mark.parametrize("path", sorted(WORLDS.glob("*.yaml")), ids=lambda it: it.stem)
def test_a_world_that_comes_along_has_the_shape_of_a_world_file(path: Path) -> None:
    document = yaml.safe_load(path.read_text("utf-8"))

    assert parse_fixture(document, path.stem, now=START) == load_fixture(
        path, FixtureOverrides(), now=START
    )
