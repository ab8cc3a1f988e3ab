"""Tokens: what they open, how long, and how an account makes and deletes them."""

from functools import cache
from typing import Any

import jsonschema
import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from emulator import files
from tests.support.emulator import START, Answer, Api, MakeApi, read_contract
from tests.support.orders import SMS, make_order

USER = "/api/v1/user"
TOKENS = "/_emulator/tokens"
A_YEAR = {"days": 365}  # from 2 March 2026 on


@cache
def control() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(files.CONTROL_CONTRACT.read_text("utf-8"))
    return document


def ask(api: Api, method: str, path: str = TOKENS, **options: Any) -> Answer:
    """Send a request to the control API and hold the answer to its contract."""
    answer = api.send(method, path, **options)
    problem = answer.status >= 400
    kind = "application/problem+json" if problem else "application/json"
    schema = {"$ref": f"#/components/schemas/{'Problem' if problem else 'Token'}"}
    assert answer.headers["content-type"] == kind
    for each in answer.body if isinstance(answer.body, list) else [answer.body]:
        jsonschema.Draft202012Validator({**control(), **schema}).validate(each)
    if problem:
        assert answer.body["status"] == answer.status
    return answer


def create(api: Api, name: str = "second", **options: Any) -> str:
    literal: str = ask(api, "POST", json={"name": name}, **options).body["token"]
    return literal


@pytest.mark.manual("AUT-01")
@pytest.mark.parametrize("literal", ["abc", "eyJ0.eyJh.sig-_", "!~#", "x" * 4000])
def test_a_world_file_holds_tokens(make_api: MakeApi, literal: str) -> None:
    api = make_api(
        tokens=[{"name": "a", "token": "a"}, {"name": "b", "token": literal}]
    )

    answer = api.get(USER, token=literal)

    assert answer.status == 200
    assert api.get(USER, token="demo").status == 401


@pytest.mark.manual("AUT-04", "AUT-07")
@pytest.mark.parametrize("operation", read_contract().operations)
def test_every_operation_wants_a_token(api: Api, operation: str) -> None:
    each = read_contract().operations[operation]
    path = (
        each.path.replace("{cellphone}", "4498987282").replace("{", "").replace("}", "")
    )

    answer = api.send(each.method, path, token="")

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    if each.method != "HEAD":
        assert answer.body == {
            "error": {"information": "No autenticado", "status_code": 401}
        }


@pytest.mark.manual("AUT-04")
@pytest.mark.parametrize(
    "token", ["unknown", "DEMO", "demo2", "demo.", "world", "null"]
)
def test_an_unknown_token_is_refused(api: Api, token: str) -> None:
    answer = api.get(USER, token=token)

    assert answer.status == 401
    assert "no world knows this token" in answer.headers["x-emulator-why"]


@pytest.mark.manual("AUT-04")
@pytest.mark.parametrize("mode", ["api", "strict"])
@pytest.mark.parametrize(
    "header",
    [
        "",
        "demo",
        "Bearer",
        "Bearer ",
        "Bearerdemo",
        "Bearer,demo",
        "Bearer:demo",
        "Bearer\tdemo",
        "Bearer demo demo",
        "Bearer demo,Bearer demo",
        'Bearer "demo"',
        "Token demo",
        "Basic ZGVtbzo=",
        "Basic demo",
    ],
)
def test_a_malformed_token_is_refused(
    request: pytest.FixtureRequest, mode: str, header: str
) -> None:
    world: Api = request.getfixturevalue(mode)

    answer = world.get(USER, token="", headers={"authorization": header})

    assert answer.status == 401


SPELLINGS = [
    "bearer demo",
    "BEARER demo",
    "bEaReR demo",
    "Bearer  demo",
    "bearer    demo",
]


@pytest.mark.manual("AUT-06")
@pytest.mark.parametrize("header", SPELLINGS)
def test_lenient_takes_another_spelling_of_bearer_with_a_note(
    api: Api, header: str
) -> None:
    answer = api.get(USER, headers={"authorization": header})

    assert answer.status == 200
    assert answer.notes == ["AUT-06"]


@pytest.mark.manual("AUT-06")
@pytest.mark.parametrize("header", SPELLINGS)
def test_strict_takes_bearer_and_one_space_only(strict: Api, header: str) -> None:
    right = strict.get(USER, headers={"authorization": "Bearer demo"})
    wrong = strict.get(USER, headers={"authorization": header})

    assert (right.status, right.notes) == (200, [])
    assert wrong.status == 401
    assert (
        wrong.headers["x-emulator-why"] == "write Bearer with a capital and one space"
    )


@pytest.mark.manual("AUT-08")
def test_all_tokens_of_an_account_reach_the_same_world(api: Api) -> None:
    second = create(api)
    placed = api.post(SMS, json=make_order(SMS)).body["campaign"]

    seen = api.get(f"/api/v3/campaign/{placed}/messages", token=second)

    assert seen.status == 200
    assert api.get(USER, token=second).body == api.get(USER).body


@pytest.mark.manual("AUT-08")
def test_another_accounts_campaigns_are_not_found(api: Api) -> None:
    placed = api.post(SMS, json=make_order(SMS)).body["campaign"]

    seen = api.get(f"/api/v3/campaign/{placed}/messages", token="world-other")

    assert seen.status == 404
    assert seen.information == "La campaña no existe"


@pytest.mark.manual("AUT-03", "AUT-05")
def test_a_token_lives_for_one_year_of_the_worlds_clock(api: Api) -> None:
    api.clock.advance(**A_YEAR, seconds=-1)
    last = api.get(USER)
    api.clock.advance(seconds=1)
    late = api.get(USER)

    assert last.status == 200
    assert late.status == 401
    assert late.headers["www-authenticate"] == "Bearer"
    assert late.headers["x-emulator-why"] == "the token has expired; create another"


@pytest.mark.manual("AUT-03")
def test_a_token_of_a_leap_day_ends_on_28_february(make_api: MakeApi) -> None:
    api = make_api(clock="2028-02-29T18:00:00Z")

    token = api.get(USER).body["data"]["API_settings"][0]

    assert token["creation"] == "2028-02-29 12:00:00"
    assert token["expires"] == "2029-02-28 12:00:00"


@pytest.mark.manual("AUT-03")
@pytest.mark.parametrize(
    ("days", "expires"), [(1, "2026-03-03 12:00:00"), (0.5, "2026-03-03 00:00:00")]
)
def test_a_world_file_can_let_tokens_live_shorter(
    make_api: MakeApi, days: float, expires: str
) -> None:
    api = make_api(token_lifetime_days=days)

    shown = api.get(USER).body["data"]["API_settings"][0]["expires"]
    api.clock.advance(days=days)

    assert shown == expires
    assert api.get(USER).status == 401


@pytest.mark.manual("AUT-05")
def test_a_world_may_accept_expired_tokens(make_api: MakeApi) -> None:
    api = make_api(assumptions={"expired_token": "accept"})
    api.clock.advance(days=4000)

    answer = api.post(SMS, json=make_order(SMS))

    assert answer.status == 200
    assert answer.body["token_expires"] == "2027-03-02 12:00:00"


@pytest.mark.manual("AUT-05", "SMS-42")
def test_answers_announce_when_the_token_in_use_expires(api: Api) -> None:
    api.clock.advance(days=10)
    second = create(api)

    with_first = api.post(SMS, json=make_order(SMS)).body
    with_second = api.post(SMS, json=make_order(SMS), token=second).body

    assert with_first["token_expires"] == "2027-03-02 12:00:00"
    assert with_second["token_expires"] == "2027-03-12 12:00:00"


@pytest.mark.manual("AUT-05")
def test_a_token_that_was_made_later_outlives_the_first(api: Api) -> None:
    api.clock.advance(days=200)
    second = create(api)
    api.clock.advance(days=200)

    statuses = [api.get(USER).status, api.get(USER, token=second).status]

    assert statuses == [401, 200]


@pytest.mark.manual("AUT-01", "AUT-02", "LOST-12")
def test_a_name_gives_a_token_with_its_creation_and_expiry(api: Api) -> None:
    answer = ask(api, "POST", json={"name": "mi tienda"})

    assert answer.status == 200
    assert list(answer.body) == ["name", "token", "creation", "expires"]
    assert answer.body["name"] == "mi tienda"
    assert answer.body["creation"] == "2026-03-02 12:00:00"
    assert answer.body["expires"] == "2027-03-02 12:00:00"
    assert api.get(USER, token=answer.body["token"]).status == 200


@pytest.mark.manual("AUT-02", "AUT-01")
def test_tokens_are_listed_in_the_order_of_their_creation(api: Api) -> None:
    create(api, "segundo")
    api.clock.advance(hours=1)
    create(api, "tercero")

    listed = ask(api, "GET").body
    settings = api.get(USER).body["data"]["API_settings"]

    assert [each["name"] for each in listed] == ["mytoken", "segundo", "tercero"]
    assert [each["creation"] for each in listed] == [
        "2026-03-02 12:00:00",
        "2026-03-02 12:00:00",
        "2026-03-02 13:00:00",
    ]
    assert settings == [
        {name: each[name] for name in ("name", "creation", "expires")}
        for each in listed
    ]


@pytest.mark.manual("AUT-01", "AUT-04")
def test_a_deleted_token_is_refused_from_then_on(api: Api) -> None:
    second = create(api)
    before = api.get(USER, token=second).status

    gone = ask(api, "DELETE", f"{TOKENS}/{second}")
    after = api.get(USER, token=second)

    assert (gone.status, gone.body["name"]) == (200, "second")
    assert (before, after.status) == (200, 401)
    assert after.headers["x-emulator-why"] == "the token was deleted; create another"
    assert api.get(USER).status == 200
    assert [each["name"] for each in ask(api, "GET").body] == ["mytoken"]


@pytest.mark.manual("AUT-04")
def test_deleting_the_token_of_a_new_world_does_not_make_it_anew(api: Api) -> None:
    api.get(USER, token="world-one")

    ask(api, "DELETE", f"{TOKENS}/world-one", token="world-one")

    assert api.get(USER, token="world-one").status == 401


@pytest.mark.manual("AUT-01")
def test_an_account_without_tokens_can_create_one(api: Api) -> None:
    ask(api, "DELETE", f"{TOKENS}/demo", token="")

    fresh = create(api, token="")

    assert api.get(USER).status == 401
    assert api.get(USER, token=fresh).status == 200


@pytest.mark.manual("GEN-18")
def test_a_created_token_is_a_jwt_of_the_platforms_layout(api: Api) -> None:
    token = create(api)
    header = jwt.get_unverified_header(token)

    payload = jwt.decode(
        token,
        public_key(),
        algorithms=["RS256"],
        options={
            "verify_signature": True,
            "verify_aud": False,
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        },
    )

    assert header == {"typ": "JWT", "alg": "RS256", "jti": payload["jti"]}
    assert list(payload) == ["aud", "jti", "iat", "nbf", "exp", "sub", "scopes"]
    assert len(payload["jti"]) == 80
    assert payload["iat"] == payload["nbf"] == int(START.timestamp())
    assert payload["exp"] == int(START.replace(year=2027).timestamp())
    assert payload["scopes"] == []


def public_key() -> Any:
    key = load_pem_private_key(files.SIGNING_KEY.read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    return key.public_key()


@pytest.mark.manual("GEN-18")
def test_no_two_tokens_are_alike(api: Api) -> None:
    in_demo = [create(api, "same") for _ in range(3)]
    elsewhere = [create(api, "same", token="world-one") for _ in range(3)]

    assert len({*in_demo, *elsewhere}) == 6


@pytest.mark.manual("GEN-18")
def test_two_worlds_with_one_seed_make_the_same_tokens(make_api: MakeApi) -> None:
    assert create(make_api()) == create(make_api())
    assert create(make_api()) != create(make_api(seed=2))


@pytest.mark.manual("AUT-04")
def test_a_token_that_was_tampered_with_is_refused(api: Api) -> None:
    head, payload, signature = create(api).split(".")

    for forged in (f"{head}.{payload}.", f"{head}..{signature}", f"{head}.{payload}"):
        assert api.get(USER, token=forged).status == 401


def test_the_token_of_the_request_says_which_account_is_meant(api: Api) -> None:
    create(api, "theirs", token="world-one")

    assert names(ask(api, "GET", token="world-one")) == ["default", "theirs"]
    assert names(ask(api, "GET", token="")) == ["mytoken"]


def test_a_worlds_name_says_which_account_is_meant(api: Api) -> None:
    api.get(USER, token="world-one")

    made = ask(api, "POST", f"{TOKENS}?world=one", json={"name": "theirs"})

    assert made.status == 200
    assert names(ask(api, "GET", token="world-one")) == ["default", "theirs"]
    assert names(ask(api, "GET")) == ["mytoken"]


def names(answer: Answer) -> list[str]:
    return [each["name"] for each in answer.body]


@pytest.mark.manual("AUT-05")
def test_an_expired_token_can_still_make_another(api: Api) -> None:
    api.clock.advance(days=400)

    fresh = create(api)

    assert api.get(USER).status == 401
    assert api.get(USER, token=fresh).status == 200


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"name": "\\ud800"}', 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"name": ""}', 422),
        (b'{"name": 7}', 422),
        (b'{"name": "%s"}' % (b"x" * 256), 422),
    ],
)
def test_a_token_needs_a_name(api: Api, content: bytes, status: int) -> None:
    answer = ask(api, "POST", content=content)

    assert answer.status == status
    assert names(ask(api, "GET")) == ["mytoken"]


@pytest.mark.parametrize("name", ["x" * 255, "a\0b", "\n", "ñ €  ", "<b>"])
def test_a_name_is_any_text(api: Api, name: str) -> None:
    token = create(api, name)

    assert api.get(USER, token=token).body["data"]["API_settings"][1]["name"] == name


@pytest.mark.parametrize("token", ["nobodys", "world-other", "%ff", "a\0b"])
def test_a_token_of_nobody_cannot_be_deleted(api: Api, token: str) -> None:
    answer = ask(api, "DELETE", f"{TOKENS}/{token}")

    assert answer.status == 404
    assert answer.body["title"] == "The token does not exist"


def test_a_token_cannot_be_deleted_twice(api: Api) -> None:
    second = create(api)

    statuses = [ask(api, "DELETE", f"{TOKENS}/{second}").status for _ in range(2)]

    assert statuses == [200, 404]


def test_another_accounts_token_cannot_be_deleted(api: Api) -> None:
    theirs = create(api, token="world-one")

    answer = ask(api, "DELETE", f"{TOKENS}/{theirs}")

    assert answer.status == 404
    assert api.get(USER, token=theirs).status == 200


def test_an_unknown_world_is_not_found(api: Api) -> None:
    answer = ask(api, "GET", f"{TOKENS}?world=nowhere")

    assert answer.status == 404
    assert answer.body["detail"] == "no world is called nowhere"


def test_an_unknown_token_means_no_account(api: Api) -> None:
    assert ask(api, "GET", token="unknown").status == 401


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("PUT", TOKENS, "GET, POST"), ("GET", f"{TOKENS}/demo", "DELETE")],
)
def test_another_method_is_not_allowed(
    api: Api, method: str, path: str, allow: str
) -> None:
    answer = ask(api, method, path)

    assert answer.status == 405
    assert answer.headers["allow"] == allow
