"""Forms of the panel with fields that are missing or wrong: refused, never a 500."""

from collections.abc import Mapping
from urllib.parse import urlencode

import pytest

from emulator.web.panel import actions
from tests.support.emulator import Api, MakeApi, run_control
from tests.support.orders import place_campaign

FORM = {
    "content-type": "application/x-www-form-urlencoded",
    "host": "localhost",
    "sec-fetch-site": "same-origin",
}
# What a form can hold of each field: what a page sends, first.
FIELDS: Mapping[str, str] = {
    "campaignId": "8528238",
    "deliveryId": "1",
    "session": "1",
    "faultId": "f1",
    "rate": "60",
    "seconds": "60",
    "number": "4498987282",
    "text": "hola",
    "preset": "flaky",
    "operation": "createCampaign",
    "how": "status=503",
    "first": "1",
    "amount": "10",
    "name": "mine",
    "token": "demo",
    "push_url": "http://127.0.0.1:1/mo",
    "collection": "countries",
    "item": "1",
    "url": "http://127.0.0.1:1/mo",
    "title": "title",
    "keyword": "SI",
    "response": "ok",
    "response_url": "http://127.0.0.1:1/mo",
    "description": "text",
    "route": "87",
    "country": "1",
    "price": "1.5",
}
WRONG = (
    *("", " ", "nan", "inf", "-inf", "1e400", "1e308", "-1e308", "-1", "0", "1.5"),
    *("9" * 400, "0x10", "1_000", "\u0661", "null", "[]", "{}", "true", "f1 off=true"),
    *(
        "x" * 5_000,
        "\0",
        "\ufffd",
        "../..",
        "<b>",
        "%s%n",
        "status=",
        "=",
        "status=9e9",
    ),
)


class NotedForm(dict[str, str]):
    """A form that notes which fields are looked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: object = None, /) -> object:  # type: ignore[override]
        self.names.add(name)
        return super().get(name, default)


def fields_of(action: actions.Action) -> set[str]:
    """Return the names of the fields that an action reads."""
    form = NotedForm()
    action.body(form)
    return form.names | set(action.params)


@pytest.fixture
def lived(make_api: MakeApi) -> Api:
    """Return a world with something of everything."""
    api = make_api()
    place_campaign(api)
    run_control(api, "POST", "faults", json={"preset": "flaky"})
    return api


def press(api: Api, name: str, form: Mapping[str, str]) -> int:
    body = urlencode(form).encode()
    answer = api.post(f"/panel/do/{name}", content=body, token="", headers=FORM)
    assert answer.octets.startswith(b"<"), (name, form)
    return answer.status


def test_every_field_of_every_form_is_known_here() -> None:
    found = {name for each in actions.ACTIONS.values() for name in fields_of(each)}

    assert found == FIELDS.keys()


@pytest.mark.parametrize("name", actions.ACTIONS)
def test_a_form_without_its_fields_or_with_wrong_ones_is_refused(
    name: str, lived: Api, caplog: pytest.LogCaptureFixture
) -> None:
    action = actions.ACTIONS[name]
    known = {each: FIELDS[each] for each in sorted(fields_of(action))}
    wrong: list[dict[str, str]] = [{}, {"nonsense": "1"}]
    wrong += [{k: v for k, v in known.items() if k != each} for each in known]
    wrong += [{**known, each: value} for each in known for value in WRONG]

    statuses = {press(lived, name, form) for form in wrong}

    assert statuses <= {200, 404, 409, 422}, statuses
    assert "Traceback" not in caplog.text
    if set(action.params) - {"item"}:
        assert press(lived, name, {}) == 422


def test_what_a_form_holds_need_be_no_form(lived: Api) -> None:
    for content in (b"\xff\xfe=\xff", b"&&&==;", b"a" * 70_000, b"{}", b"%zz=%"):
        answer = lived.post("/panel/do/top-up", content=content, token="", headers=FORM)
        assert answer.status == 422, content[:20]
