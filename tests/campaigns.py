"""SMS campaigns that the tests place, and how they read what became of them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from emulator.domain.sms import SmsCampaign
from tests.emulated import Answer, Api, keep

SMS = "/api/v3/campaign"
CLIC = "/api/v3/smsclic/campaign"
MARK = "<+DYNAMICSHORTURL_IVX4+>"
NUMBER = "4498987282"

Body = dict[str, Any]


def to(*cellphones: Any, **fields: Any) -> list[Body]:
    """Return recipients, all with the same *fields*."""
    return [{"cellphone": cellphone, **fields} for cellphone in cellphones]


def crowd(count: int, **fields: str) -> list[Body]:
    """Return *count* recipients; ``{}`` in a field's text is the recipient's index."""
    return [
        {
            "cellphone": f"55{index:08d}",
            **{name: text.format(index) for name, text in fields.items()},
        }
        for index in range(count)
    ]


def an_sms(*without: str, **changes: Any) -> Body:
    """Return an ordinary campaign, which both modes take, *changes* made to it."""
    body = {"text": "hola", "recipients": to(NUMBER), "route": 87, **changes}
    return {name: value for name, value in body.items() if name not in without}


def a_clic(*without: str, **changes: Any) -> Body:
    """Return an ordinary SMS CLIC campaign, *changes* made to it."""
    return an_sms(*without, **{"text": f"ver {MARK}", "url": 4, **changes})


def place(api: Api, order: Body | None = None, *, path: str = SMS) -> Body:
    """Place a campaign, which must be taken, and return the answer's body."""
    answer = api.post(path, json=order or (a_clic() if path == CLIC else an_sms()))
    assert answer.status == 200, answer.octets
    placed: Body = answer.body
    return placed


def poll(api: Api, placed: Mapping[str, Any]) -> Body:
    """Read where a campaign and its messages stand."""
    answer = api.get(f"{SMS}/{placed['campaign']}/messages")
    assert answer.status == 200, answer.octets
    body: Body = answer.body
    return body


def column(api: Api, placed: Mapping[str, Any], name: str) -> list[Any]:
    """Read one column of a campaign's messages."""
    return [row[name] for row in poll(api, placed)["data"]]


def texts(api: Api, order: Body, *, path: str = SMS) -> list[str]:
    """Place *order* and return what each of its recipients reads."""
    placed = place(api, order, path=path)
    api.clock.advance(seconds=1)
    return column(api, placed, "text")


def intervene(
    api: Api,
    placed: Mapping[str, Any],
    change: Callable[[SmsCampaign, datetime], SmsCampaign],
) -> None:
    """Do to a campaign what a person does in the panel: ``dlr.pause``, for one."""
    world = api.world
    changed = change(world.get_campaign(placed["campaign"]), world.clock.now())
    keep(world, changed)


def assert_nothing_happened(api: Api) -> None:
    """Fail if anything was created or charged since the world was made."""
    world = api.world
    assert world.balance == world.account.credit
    assert (world.movements, world.campaigns, world.clicks) == ([], {}, [])
    assert world.next["campaign"] == 8528238


def assert_refused(answer: Answer, naming: str) -> None:
    """Fail unless the platform said no with a sentence in which *naming* stands."""
    assert answer.status == 422, answer.octets
    assert answer.body == {
        "error": {"information": answer.information, "status_code": 422}
    }
    assert naming in answer.information
