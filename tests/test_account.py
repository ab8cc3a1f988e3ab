"""The account: as a world file writes it, and as the control API changes it."""

import json
from datetime import UTC, datetime, timedelta
from string import ascii_lowercase, printable
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from emulator import files
from emulator.domain.access import BindConfig, ReceiptFormat, SmppAccess, SmscConfig
from emulator.domain.account import (
    MAX_ITEMS,
    Account,
    Country,
    Keyword,
    Link,
    MediaFile,
    Prices,
    Route,
)
from emulator.domain.assumptions import STRICT_CHOICES, SWITCHES, Assumptions
from emulator.domain.bounds import MAX_INTEGER, MAX_INTERVAL_SECONDS
from emulator.domain.coding import Alphabet
from emulator.domain.handset import Outcome, Population
from emulator.domain.refusal_catalog import REASONS
from emulator.domain.refusals import RefusalReason
from emulator.domain.timeline import INSTANT_PACE, Pace
from emulator.operations.control.account import merge_patch
from emulator.worldfile.account_codec import account_to_json
from emulator.worldfile.fixture import (
    FixtureError,
    FixtureOverrides,
    load_fixture,
    parse_account,
    parse_fixture,
)
from tests.support.emulator import (
    START,
    Api,
    MakeApi,
    read_demo_world,
    run_at_once,
    run_control,
    send_control,
    set_examples,
)
from tests.support.orders import CLIC, EMAIL, SMS, VOICE, make_order, place_campaign

CELLPHONE = "4498987282"
USER = "/api/v1/user"
NEW: dict[str, tuple[dict[str, Any], str]] = {
    "audios": ({"id": 99, "name": "nuevo"}, "99"),
    "media": ({"id": 99, "name": "nuevo", "url": "https://x.example.org/"}, "99"),
    "links": ({"id": 99, "title": "nuevo", "url": "https://x.example.org/"}, "99"),
    "keywords": ({"keyword": "Nuevo", "response": "si"}, "nuevo"),
    "handsets": ({"cellphone": CELLPHONE, "outcome": "busy"}, CELLPHONE),
    "countries": ({"country": 99, "name": "Peru"}, "99"),
    "binds": ({"system_id": "nuevo", "password": "secret", "rate": 5}, "nuevo"),
    "routes": (
        {"route": 99, "name": "x", "country": 2, "price": 0.5, "description": "y"},
        "99",
    ),
}
ALL_FAILED = [{"outcome": "failed", "weight": 1}]
ALWAYS = set_examples(40)

# --- An account and its document ---------------------------------------------

IDS = st.integers(1, MAX_INTEGER)
WORDS = st.text(printable, max_size=12)
URLS = st.text(ascii_lowercase, min_size=1).map("https://{}.example.org".format)
MONEY = st.integers(0, 10**11)  # millionths
ZONES = st.sampled_from(["America/Mexico_City", "UTC", "Asia/Kolkata", "Europe/Paris"])
INSTANTS = st.datetimes(datetime(1001, 1, 1), datetime(9998, 12, 1)).map(  # noqa: DTZ001
    lambda each: each.replace(tzinfo=UTC)
)
MICROSECONDS = st.integers(0, 10**15).map(lambda each: timedelta(microseconds=each))
NUMBERS = st.integers(0, 10**10 - 1)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def by_id(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(strategy, max_size=4, unique_by=lambda each: each.id)
    return lists.map(lambda items: {each.id: each for each in items})


COUNTS = st.integers(0, 10**6)
SECONDS = st.integers(0, 10**6).map(float)
STATUSES = st.integers(1, 0xFFFFFFFF)
NAMES = st.text(ascii_lowercase, min_size=1, max_size=8)
FORM = st.builds(
    ReceiptFormat,
    st.sampled_from(["decimal", "hex", "padded"]),
    st.sampled_from(["minutes", "seconds"]),
    st.sampled_from(["text", "Text", "none"]),
    st.sampled_from(["with", "without", "only"]),
)
BIND = st.builds(
    BindConfig,
    *(NAMES, st.none() | NAMES),
    st.sampled_from([Alphabet.GSM, Alphabet.LATIN_1]),
    *(st.none() | IDS, st.lists(NAMES, max_size=2).map(tuple)),
    *(COUNTS, COUNTS, COUNTS, FORM),
)
CENTRE = st.builds(
    SmscConfig,
    *(SECONDS, SECONDS, SECONDS, SECONDS, STATUSES, STATUSES, STATUSES),
    *(st.integers(1, 10_000), COUNTS, SECONDS),
    *(SECONDS.map(lambda each: timedelta(seconds=each)),) * 2,
)
ITEM = st.builds(MediaFile, IDS, WORDS, optional(URLS))
LINK = st.builds(Link, IDS, WORDS, URLS, INSTANTS)
KEYWORD = st.builds(
    Keyword,
    st.text(ascii_lowercase, min_size=1, max_size=8),
    WORDS,
    INSTANTS,
    INSTANTS,
    response=optional(WORDS),
    response_url=optional(URLS),
    push_url=optional(URLS),
)
CHOSEN = st.fixed_dictionaries(
    {name: st.sampled_from(each.choices) for name, each in SWITCHES.items()}
)
ASSUMPTIONS = CHOSEN.map(Assumptions) | st.sampled_from(
    [
        Assumptions(),
        Assumptions(STRICT_CHOICES),
        Assumptions(STRICT_CHOICES).with_choices({"charge": "per_part"}),
    ]
)
OUTCOMES = st.sampled_from(Outcome)
WEIGHTS = st.dictionaries(OUTCOMES, st.integers(1, 9) | st.floats(1e-9, 1e9))
REFUSALS = st.dictionaries(
    st.sampled_from(sorted(REASONS)), st.tuples(st.integers(400, 599), WORDS)
).map(
    lambda chosen: {
        name: RefusalReason(
            name, status, REASONS[name].es, words.replace("{", "").replace("}", "")
        )
        for name, (status, words) in chosen.items()
    }
)
INTERVALS = st.integers(0, MAX_INTERVAL_SECONDS * 10**6).map(
    lambda each: timedelta(microseconds=each)
)
PACE = st.builds(
    Pace,
    *(MICROSECONDS,) * 3,
    INTERVALS,
    MICROSECONDS,
    INTERVALS,
    retry_scale=st.integers(0, 99),
)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    seed = draw(st.integers(-(2**63), 2**63 - 1))
    countries = draw(by_id(st.builds(Country, IDS, WORDS)))
    route = st.builds(
        Route, IDS, WORDS, st.sampled_from([*countries]), MONEY, WORDS, optional(WORDS)
    )
    return Account(
        user=draw(WORDS),
        name=draw(WORDS),
        surname=draw(WORDS),
        credit=draw(st.integers(-(10**15), 10**15)),
        zone=ZoneInfo(draw(ZONES)),
        seed=seed,
        routes=draw(by_id(route)) if countries else {},
        countries=countries,
        audios=draw(by_id(ITEM)),
        media=draw(by_id(ITEM)),
        links=draw(by_id(LINK)),
        keywords=draw(
            st.lists(KEYWORD, max_size=3, unique_by=lambda each: each.word).map(tuple)
        ),
        push_url=draw(optional(URLS)),
        remittents=draw(st.frozensets(NUMBERS, max_size=4)),
        whitelist=draw(st.frozensets(st.text("abc.-", min_size=1), max_size=4)),
        services=draw(
            st.dictionaries(st.sampled_from(["voice", "email", "smpp"]), st.booleans())
        ),
        prices=draw(st.builds(Prices, MONEY, MONEY, MONEY)),
        pace=draw(PACE | st.just(INSTANT_PACE)),
        assumptions=draw(ASSUMPTIONS),
        population=Population(
            seed, draw(WEIGHTS), draw(st.dictionaries(NUMBERS, OUTCOMES, max_size=4))
        ),
        refusals=draw(REFUSALS),
        token_lifetime=draw(
            optional(st.timedeltas(timedelta(seconds=1), timedelta(days=36525)))
        ),
        merged_limit=draw(st.integers(306, 10**9)),
        short_link_base=draw(URLS),
        access=SmppAccess(
            {
                each.system_id: each
                for each in draw(st.lists(BIND, max_size=3, unique_by=_system_id))
            },
            draw(CENTRE),
        ),
    )


def _system_id(bind: BindConfig) -> str:
    return bind.system_id


@ALWAYS
@given(accounts())
def test_what_is_written_of_an_account_reads_as_it(account: Account) -> None:
    document = json.loads(json.dumps(account_to_json(account)))

    assert parse_account(document, START) == account
    assert account_to_json(parse_account(document, START)) == document


@ALWAYS
@given(accounts())
def test_what_is_written_of_an_account_is_a_world_file(account: Account) -> None:
    schema = yaml.safe_load(files.WORLD_SCHEMA.read_text("utf-8"))

    jsonschema.Draft202012Validator(schema).validate(account_to_json(account))


@ALWAYS
@given(accounts(), st.randoms(use_true_random=False))
def test_equal_accounts_are_written_alike(account: Account, chance: Any) -> None:
    document = account_to_json(account)
    for name in ("remittents", "whitelist", "population", "handsets"):
        chance.shuffle(document[name])
    for name in ("services", "refusals", "prices"):
        items = list(document[name].items())
        chance.shuffle(items)
        document[name] = dict(items)

    again = account_to_json(parse_account(document, START))

    assert json.dumps(again) == json.dumps(account_to_json(account))


@pytest.mark.parametrize("name", ["demo", "contract"])
@pytest.mark.parametrize("strict", [False, True])
def test_the_worlds_that_come_along_are_written_and_read(
    name: str,
    strict: bool,  # noqa: FBT001
) -> None:
    path = files.WORLDS / f"{name}.yaml"
    account = load_fixture(path, FixtureOverrides(strict=strict), now=START).account

    assert parse_account(account_to_json(account), START + timedelta(days=1)) == account


def test_a_date_is_of_the_accounts_time_zone_unless_it_has_an_offset() -> None:
    dates = ("2026-03-02 12:00:00.25", "2026-03-02T12:00:00.25-06:00")
    links = [
        {"id": number, "title": "x", "url": "http://x", "created": date}
        for number, date in enumerate(dates, start=1)
    ]

    account = parse_account({**read_demo_world(), "links": links}, START)

    assert {each.created_at for each in account.links.values()} == {
        datetime(2026, 3, 2, 18, 0, 0, 250_000, tzinfo=UTC)
    }


# --- Dates of what has none ----------------------------------------------------

LINK_4 = {"id": 4, "title": "x", "url": "http://x"}


@pytest.mark.parametrize("flag", [True, False])
def test_what_has_no_date_is_as_old_as_its_world(flag: bool) -> None:  # noqa: FBT001
    begins = "2020-01-31T12:00:00Z"
    words = {} if flag else {"clock": begins}
    document = {
        **read_demo_world(),
        "links": [LINK_4],
        "keywords": [{"keyword": "a"}],
        **words,
    }
    overrides = FixtureOverrides(clock=begins if flag else None)

    account = parse_fixture(document, "demo", overrides, now=START).account

    instant = datetime(2020, 1, 31, 12, tzinfo=UTC)
    assert account.links[4].created_at == instant
    assert account.keywords[0].created_at == instant
    assert account.keywords[0].expires_at == instant + timedelta(days=31)


# --- Mistakes ------------------------------------------------------------------

COUNTRY = {"country": 1, "name": "Mexico"}


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        (
            {"account": {**read_demo_world()["account"], "time_zone": "Mars"}},
            "account.time_zone",
        ),
        (
            {"account": {**read_demo_world()["account"], "credit": 1e-7}},
            "account.credit",
        ),
        ({"prices": {"voice": 0.1234567}}, "prices.voice"),
        ({"countries": [COUNTRY, COUNTRY]}, "countries.1"),
        (
            {
                "routes": [
                    *read_demo_world()["routes"][:2],
                    {**read_demo_world()["routes"][2], "country": 9},
                ]
            },
            "routes.2",
        ),
        ({"links": [{**LINK_4, "created": "2026-02-30 12:00:00"}]}, "links.0.created"),
        ({"keywords": [{"keyword": "a"}, {"keyword": "A"}]}, "keywords.1"),
        (
            {"keywords": [{"keyword": "a", "expires": "9999-12-31 23:00:00"}]},
            "keywords.0.expires",
        ),
        ({"assumptions": {"charge": "twice"}}, "assumptions.charge"),
        ({"refusals": {"REQUIRED": {"es": "{x}"}}}, "refusals.REQUIRED"),
        ({"push_url": "ftp://x"}, "push_url"),
        ({"seed": 2**63}, "seed"),
        ({"pace": {"retry_scale": -1}}, "pace.retry_scale"),
        ({"color": 1}, ""),
    ],
)
def test_a_mistake_has_its_place(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(FixtureError, match=f"^at {where or 'the top'}: ") as told:
        parse_account({**read_demo_world(), **changes}, START)

    assert told.value.where == where


@pytest.mark.parametrize(
    "name",
    [*NEW, "tokens", "remittents", "whitelist", "population"],
)
def test_a_list_holds_so_many_items_and_a_complaint_is_short(name: str) -> None:
    with pytest.raises(FixtureError, match=f"^at {name}: .* is too long") as told:
        parse_account({**read_demo_world(), name: [{}] * (MAX_ITEMS + 1)}, START)

    assert len(str(told.value)) < 500


# --- Reading and changing it ---------------------------------------------------


def test_the_account_is_shown_as_a_world_file_writes_it(api: Api) -> None:
    run_control(api, "POST", "movements", json={"amount": 1.5})

    told = run_control(api, "GET", "account")

    assert told.pop("balance") == 468063.61
    assert told == account_to_json(api.account)
    assert told["account"]["credit"] == 468062.11
    assert told.keys().isdisjoint({"name", "tokens", "clock"})


def test_a_change_is_what_the_platform_then_goes_by(api: Api) -> None:
    change = {"prices": {"voice": 2.5}, "services": {"email": False}}

    told = run_control(api, "PATCH", "account", json=change)

    api.post(VOICE, json=make_order(VOICE))
    assert (
        api.post(EMAIL, json=make_order(EMAIL)).information
        == "El servicio email no esta activo"
    )
    assert api.balance() == pytest.approx(468062.11 - 2.5)
    assert told["prices"] == {"voice": 2.5, "email": 0, "hlr": 1}
    assert run_control(api, "GET", "account")["services"] == {
        "email": False,
        "voice": True,
    }


def test_what_was_placed_before_a_change_stays_as_it_is(api: Api) -> None:
    placed = place_campaign(api)
    before = run_control(api, "GET", "movements")

    run_control(
        api, "PATCH", "account", json={"pace": "instant", "population": ALL_FAILED}
    )

    after = place_campaign(api)
    assert (
        run_control(api, "GET", "movements")["movements"][0] == before["movements"][0]
    )
    states = [
        (row["status"], row["final_count"])
        for row in run_control(api, "GET", "campaigns")
    ]
    assert states == [("inserting", 0), ("inserted", after["recipients_count"])]
    api.clock.advance(minutes=1)
    path = f"{SMS}/{placed['campaign']}/messages"
    assert api.get(path).body["data"][0]["status"] == "sent"


def test_a_change_of_one_duration_leaves_the_others(make_api: MakeApi) -> None:
    api = make_api(pace="instant")

    told = run_control(api, "PATCH", "account", json={"pace": {"sms_after": 0.5}})

    assert told["pace"]["sms_after"] == 0.5
    assert {value for name, value in told["pace"].items() if name != "sms_after"} == {0}


@pytest.mark.parametrize("strict", [True, False])
def test_a_world_becomes_strict_or_lenient_and_keeps_its_exceptions(
    make_api: MakeApi,
    strict: bool,  # noqa: FBT001
) -> None:
    exception = {"charge": "per_recipient"}
    api = make_api(strict=not strict, assumptions=exception)

    told = run_control(api, "PATCH", "account", json={"strict": strict})

    chosen = Assumptions(STRICT_CHOICES) if strict else Assumptions()
    assert api.account.assumptions == chosen.with_choices(exception)
    assert (told["strict"], told["assumptions"]) == (strict, exception)


def test_null_removes(api: Api) -> None:
    run_control(
        api, "PATCH", "account", json={"push_url": "https://example.org/mo?k=1"}
    )
    assert api.account.push_url == "https://example.org/mo?k=1"

    run_control(api, "PATCH", "account", json={"push_url": None, "services": None})

    assert api.account.push_url is None
    assert api.account.services == {}


def test_an_account_may_be_sent_back_as_it_was_shown(api: Api) -> None:
    before = api.account

    run_control(api, "PATCH", "account", json=run_control(api, "GET", "account"))

    assert api.account == before


@pytest.mark.parametrize(
    ("patch", "field", "says"),
    [
        ({"account": {"credit": 5}}, "account.credit", "/_emulator/movements"),
        ({"account": {"credit": None}}, "account.credit", "/_emulator/movements"),
        ({"balance": 1}, "balance", "/_emulator/movements"),
        ({"seed": 2}, "seed", "keeps its seed"),
        ({"seed": None}, "seed", "keeps its seed"),
        ({"clock": "frozen"}, "clock", "/_emulator/clock"),
        ({"name": "other"}, "name", "keeps its name"),
        ({"tokens": []}, "tokens", "/_emulator/tokens"),
    ],
)
def test_what_has_a_command_of_its_own_is_not_changed_here(
    api: Api, patch: Any, field: str, says: str
) -> None:
    before = api.account

    answer = send_control(api, "PATCH", "account", json=patch)

    assert answer.status == 422
    assert answer.body["title"] == f"The field {field} cannot be changed here"
    assert says in answer.body["detail"]
    assert api.account is before


@pytest.mark.parametrize(
    ("patch", "where"),
    [
        ({"routes": [{"route": 1}]}, "routes.0"),
        ({"account": {"time_zone": "Mars/Base"}}, "account.time_zone"),
        ({"prices": {"voice": -1}}, "prices.voice"),
        ({"prices": {"voice": 0.1234567}}, "prices.voice"),
        ({"routes": None}, "account"),
        ({"color": 1}, "account"),
        ({"countries": []}, "routes.0"),
        ({"assumptions": {"charge": "twice"}}, "assumptions.charge"),
        (
            {"keywords": [{"keyword": "a" * 99, "created": "soon"}]},
            "keywords.0.created",
        ),
    ],
)
def test_a_wrong_change_names_its_place_and_changes_nothing(
    api: Api, patch: Any, where: str
) -> None:
    before = api.account

    answer = send_control(
        api, "PATCH", "account", json={**patch, "push_url": "http://x"}
    )

    assert answer.status == 422
    assert answer.body["title"] == f"The format of the field {where} is invalid"
    assert api.account is before


# The examples of RFC 7396, appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_patch_is_a_json_merge_patch(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


# --- Its collections -------------------------------------------------------------


@pytest.mark.parametrize("collection", NEW)
def test_an_item_is_added_and_removed(api: Api, collection: str) -> None:
    before = run_control(api, "GET", "account")
    item, name = NEW[collection]

    added = run_control(api, "POST", f"account/{collection}", json=item)
    removed = run_control(api, "DELETE", f"account/{collection}/{name}")

    *others, last = added[collection]
    assert others == before[collection]
    assert last.items() >= item.items()
    assert removed == before
    answer = send_control(api, "DELETE", f"account/{collection}/{name}")
    assert answer.status == 404
    assert answer.body["title"] == "The item does not exist"


@pytest.mark.parametrize(
    ("collection", "item"),
    [
        ("audios", {"id": 31, "name": "otra"}),
        ("keywords", {"keyword": "INFO", "response": "otra"}),
        ("routes", {**read_demo_world()["routes"][0], "price": 9}),
    ],
)
def test_an_item_takes_the_place_of_its_namesake(
    api: Api, collection: str, item: Any
) -> None:
    before = run_control(api, "GET", "account")[collection]

    after = run_control(api, "POST", f"account/{collection}", json=item)[collection]

    assert after[0].items() >= item.items()
    assert after[1:] == before[1:]


def test_a_new_item_is_of_its_worlds_now(api: Api) -> None:
    api.clock.advance(hours=1)

    told = run_control(api, "POST", "account/links", json=NEW["links"][0])

    assert told["links"][-1]["created"] == "2026-03-02T19:00:00.000000Z"


def test_a_route_that_was_removed_takes_no_orders_but_ends_its_own(api: Api) -> None:
    campaign = place_campaign(api, make_order(SMS, route=170))["campaign"]

    run_control(api, "DELETE", "account/routes/170")

    assert api.post(SMS, json=make_order(SMS, route=170)).status == 422
    api.clock.advance(minutes=1)
    assert api.get(f"{SMS}/{campaign}/messages").body["percentage"] == 100


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "account/links", {"id": 99, "title": "x"}, 422),
        ("POST", "account/links", {}, 422),
        ("POST", "account/routes", {**NEW["routes"][0], "country": 7}, 422),
        ("DELETE", "account/countries/1", None, 422),
        ("DELETE", "account/links/five", None, 404),
    ],
)
def test_an_item_that_does_not_fit_changes_nothing(
    api: Api, method: str, path: str, body: Any, code: int
) -> None:
    before = api.account

    assert send_control(api, method, path, json=body).status == code
    assert api.account is before


def test_there_is_no_other_collection(api: Api) -> None:
    assert send_control(api, "POST", "account/tokens", json={}).status == 422


def test_a_changed_account_is_nothing_to_another_world_and_ends_with_a_reset(
    api: Api,
) -> None:
    before = run_control(api, "GET", "account")
    run_control(api, "POST", "account/audios", json=NEW["audios"][0])

    assert run_control(api, "GET", "account", token="world-b") == before
    run_control(api, "POST", "account/audios", json=NEW["audios"][0], token="world-b")
    run_control(api, "DELETE", "account/audios/99")
    assert 99 in run_at_once(api.worlds.get_or_create("world-b")).account.audios


# --- Links and their clicks --------------------------------------------------------


def test_links_are_listed_with_who_followed_them(api: Api) -> None:
    placed = place_campaign(api, path=CLIC)
    api.clock.advance(minutes=1)
    (text,) = [
        row["text"]
        for row in api.get(f"{SMS}/{placed['campaign']}/messages").body["data"]
    ][:1]
    code = text.rpartition("/")[2].split()[0]
    api.get(f"/s/{code}")

    (link,) = run_control(api, "GET", "links")

    assert link == {
        "id": 4,
        "title": "tienda",
        "url": "https://shop.example.org/",
        "created": "2022-03-15T19:33:08.000000Z",
        "clicks": [
            {
                "at": "2026-03-02T18:01:00.000000Z",
                "message": 46608336,
                "campaign": placed["campaign"],
            }
        ],
    }
    run_control(api, "DELETE", "account/links/4")
    assert run_control(api, "GET", "links") == [link]


# --- Tokens --------------------------------------------------------------------


def test_a_token_expires_at_once(api: Api) -> None:
    literal = run_control(api, "POST", "tokens", json={"name": "x"})["token"]
    api.clock.advance(hours=1)
    assert api.get(USER, token=literal).status == 200

    told = run_control(api, "POST", f"tokens/{literal}/expire")

    answer = api.get(USER, token=literal)
    assert (told["name"], told["expires"]) == ("x", "2026-03-02 13:00:00")
    assert answer.status == 401
    assert "expired" in answer.headers["x-emulator-why"]
    assert api.get(USER).status == 200


def test_a_token_expires_once(api: Api) -> None:
    first = run_control(api, "POST", "tokens/demo/expire")
    api.clock.advance(hours=1)

    assert run_control(api, "POST", "tokens/demo/expire") == first


def test_expiring_a_token_makes_none(api: Api) -> None:
    run_control(api, "POST", "tokens/demo/expire")

    literal = run_control(api, "POST", "tokens", json={"name": "x"})["token"]

    twin = run_control(api, "POST", "tokens", json={"name": "x"}, token="world-b")[
        "token"
    ]
    assert len(api.world.tokens) == 2
    assert (
        api.world.tokens_made
        == run_at_once(api.worlds.get_or_create("world-b")).tokens_made
    )
    assert literal != twin


def test_an_unknown_token_does_not_expire(api: Api) -> None:
    assert send_control(api, "POST", "tokens/nobodys/expire").status == 404


# --- Population ------------------------------------------------------------------


def fates(api: Api) -> set[str]:
    """Return what becomes of a message to each of a hundred."""
    people = [{"cellphone": f"55{number:08d}"} for number in range(100)]
    placed = place_campaign(api, make_order(SMS, recipients=people))
    api.clock.advance(minutes=1)
    rows = api.get(f"{SMS}/{placed['campaign']}/messages").body["data"]
    return {row["status"] for row in rows}


def test_everybody_fares_as_the_weights_say(api: Api) -> None:
    assert run_control(api, "GET", "population") == {"weights": {}}
    assert fates(api) == {"sent"}

    weights = {"failed": 1, "sent": 2.5, "busy": 0}
    told = run_control(api, "PUT", "population", json={"weights": weights})

    assert told == {"weights": {"sent": 2.5, "failed": 1}}
    assert run_control(api, "GET", "population") == told
    assert fates(api) == {"sent", "failed"}


@pytest.mark.parametrize("weights", [{}, {"failed": 0}])
def test_without_weights_everybody_is_reached_again(
    api: Api, weights: dict[str, float]
) -> None:
    run_control(api, "PUT", "population", json={"weights": {"failed": 1}})
    assert fates(api) == {"failed"}

    run_control(api, "PUT", "population", json={"weights": weights})

    assert fates(api) == {"sent"}


def test_the_order_of_the_weights_draws_nobody_else(make_api: MakeApi) -> None:
    outcomes = []
    for weights in ({"sent": 1, "failed": 1}, {"failed": 1, "sent": 1}):
        api = make_api()
        run_control(api, "PUT", "population", json={"weights": weights})
        population = api.account.population
        outcomes.append(population.get_outcomes(range(5_500_000_000, 5_500_000_100)))

    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    "weights", [{"lost": 1}, {"sent": -1}, {"sent": "1"}, {"sent": 1e10}, None]
)
def test_wrong_weights_are_a_problem(api: Api, weights: Any) -> None:
    assert (
        send_control(api, "PUT", "population", json={"weights": weights}).status == 422
    )
