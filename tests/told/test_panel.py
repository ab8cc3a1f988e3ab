"""What every page of the panel shows, where there is something to see."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from urllib.parse import urlencode

from emulator.web.panel.actions import ACTIONS
from emulator.web.panel.assets import ASSET_FILES
from emulator.web.panel.views import PAGES
from tests.support.browser import FORM
from tests.support.emulator import Answer, make_limited_emulator, run_control
from tests.support.orders import CLIC, EMAIL, NUMBER, SMS, make_order
from tests.support.smpp import open_smsc
from tests.support.transcripts import Scribe
from tests.support.worlds import fork_world, prepare_world

SESSION_VALUE = re.compile(r"(?<=emulator_control)=[^;]+")


def test_panel(scribe: Scribe) -> None:
    """Every page in both languages, and where its elements lead."""
    api = scribe.api
    prepare_world(api)
    api.post(EMAIL, json=make_order(EMAIL))
    api.post(CLIC, json=make_order(CLIC))
    api.post(SMS, content=b"{")
    with open_smsc(api) as smsc:
        smsc.bind().submit(2, registered=1)
        run_control(api, "POST", "clock/advance", json={"seconds": 60})
        listed = run_control(api, "GET", "campaigns")
        for language in ("es", "en"):
            for path in _pages(listed, api.world.journal.last):
                scribe.begin_part(f"{path} ({language})")
                words = {"accept-language": language}
                answer = api.get(f"/panel/{path}", token="", headers=words)
                scribe.hear_words(answer, ways=language == "en")


def _pages(listed: list[dict[str, object]], last: int) -> list[str]:
    pages = []
    for page in PAGES:
        if page == "campaign":
            pages += [
                f"campaign?channel={each['channel']}&campaign={each['campaign']}"
                for each in listed
            ]
        elif page == "request":
            pages += ["request?number=1", f"request?number={last}"]
        elif page == "phones":
            pages += ["phones", f"phones?with={NUMBER}"]
        else:
            pages.append(page)
    return pages


BUTTONS: Mapping[str, Mapping[str, str]] = {
    **{
        each: {"campaignId": "8528240"}
        for each in ("pause", "resume", "cancel", "mark_unknown")
    },
    "cancel-calls": {"campaignId": "481776"},
    "freeze": {},
    "run": {"rate": "60"},
    "advance": {"seconds": "1.5"},
    "next": {},
    "settle": {},
    "reply": {"number": NUMBER, "text": "hola"},
    **{each: {"deliveryId": "1"} for each in ("send-now", "drop", "replay")},
    "cut": {"session": "999"},
    "preset": {"preset": "flaky", "operation": "getUser"},
    "break": {"how": "push_twice", "operation": "moPush", "first": "3"},
    **{each: {"faultId": "f2"} for each in ("switch-off", "switch-on", "mend")},
    "mend-all": {},
    "forget-requests": {},
    "top-up": {"amount": "12.5"},
    "create-token": {"name": "second"},
    "expire-token": {"token": "demo"},
    "delete-token": {"token": "demo"},
    "push-url": {"push_url": "http://127.0.0.1:9/x"},
    "add-item": {
        "collection": "routes",
        "route": "900",
        "name": "x",
        "country": "1",
        "price": "0.5",
        "description": "y",
    },
    "remove-item": {"collection": "media", "item": "51"},
    "fork": {"name": "branch"},
    "open": {"name": "opened"},
    "reset": {},
    "delete-world": {},
}
LASTING = {"populate"}  # which takes a while, and is told elsewhere


def test_buttons(scribe: Scribe) -> None:
    """Press every button, as it is meant and with an empty form."""
    api = scribe.api
    prepare_world(api)
    for name in (*ACTIONS, "nothing"):
        if name in LASTING:
            continue
        forms: list[Mapping[str, str]] = [{}, BUTTONS.get(name, {"x": "1"})]
        for form in forms:
            scribe.begin_part(f"{name} {dict(form)}")
            fork_world(api)
            body = urlencode(form).encode()
            path = f"/panel/do/{name}?world={api.world.name}"
            answer = api.post(path, content=body, token="", headers=FORM)
            leads = answer.headers.get("hx-redirect", "")
            scribe.lines.append(f"< {answer.status} {leads}".rstrip())
            scribe.hear_words(answer)
            if name != "delete-world":
                asked = run_control(api, "GET", "clock")
                is_still = asked["rate"] == 0
                scribe.lines.append(str(asked if is_still else asked["rate"]))


def _own(answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield the headers that not every answer has."""
    for name, value in answer.headers.items():
        if name not in {"content-length", "date", "content-security-policy"}:
            yield name, value


def test_doors(scribe: Scribe) -> None:
    """Ask for what the panel has beside its pages: files, a snapshot, the secret."""
    api = scribe.api
    for path in (
        "/",
        "/panel/nothing",
        "/panel/region/nothing",
        "/panel/asset/nothing",
    ):
        answer = api.get(path, token="")
        scribe.lines.append(f"> {path}\n< {answer.status} {dict(_own(answer))}")
    for file in ASSET_FILES:
        for coding in ("gzip", "identity"):
            headers = {"accept-encoding": coding}
            answer = api.get(f"/panel/asset/{file}", token="", headers=headers)
            scribe.lines.append(f"> {file} {coding}\n< {dict(_own(answer))}")
    answer = api.get("/panel/snapshot", token="")
    scribe.lines.append(f"< {answer.status} {dict(_own(answer))} {answer.body['name']}")
    for content in (answer.octets, b"{", b"", b'{"format": 2}'):
        restored = api.post("/panel/restore", content=content, token="")
        scribe.lines.append(f"< {restored.status} {dict(_own(restored))}")
        scribe.hear_words(restored)
    with closing(make_limited_emulator(secret="s3cret")) as other:
        for path in ("/", "/panel/region/phones", "/panel/snapshot"):
            answer = other.get(path, token="")
            scribe.lines.append(f"> {path}\n< {answer.status} {dict(_own(answer))}")
        for secret in ("no", "s3cret", ""):
            content = f"secret={secret}".encode()
            path = "/panel/enter"
            answer = other.post(path, content=content, token="", headers=FORM)
            said = SESSION_VALUE.sub("=...", str(dict(_own(answer))))  # it has a date
            scribe.lines.append(f"> {secret}\n< {answer.status} {said}")


def test_regions(scribe: Scribe) -> None:
    """Look for something by the panel's own fields."""
    api = scribe.api
    prepare_world(api)
    for query in (
        "campaigns?channel=sms",
        "campaigns?channel=voice",
        "requests?operation=createCampaign",
        "requests?status=422",
        "requests?find=hola",
        "requests?before=2",
        "deliveries?state=due",
        "deliveries?kind=receipt",
        "phones?find=4498",
        f"recipients?channel=sms&campaign=8528238&find={NUMBER}",
        "recipients?channel=sms&campaign=8528238&first=2",
        "worlds?find=de",
        "worlds?find=zz",
        "status",
        "nothing",
    ):
        scribe.begin_part(query)
        scribe.hear_words(api.get(f"/panel/region/{query}", token=""))
