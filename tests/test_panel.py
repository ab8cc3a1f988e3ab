"""The panel without a browser: what it says, to whom, and that it reaches nothing else.

What only a browser shows is in ``test_panel_browser.py``.
"""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from html import unescape
from itertools import chain
from typing import Any
from urllib.parse import urlencode

import pytest

from emulator import files
from emulator.faults import places, vocabulary
from emulator.web.panel import words
from emulator.web.panel.actions import ACTIONS
from emulator.web.panel.assets import ASSET_FILES
from emulator.web.panel.faults import FAULT_CHOICES, FAULTABLE_OPERATIONS
from emulator.web.panel.rendering import STATUS_TONES, TEMPLATE_DIR, format_duration
from emulator.web.panel.views import PAGES, REGIONS
from tests.support.browser import FORM, HtmlPage, read_page
from tests.support.emulator import (
    Api,
    MakeApi,
    make_limited_emulator,
    read_contract,
    read_control,
    run_control,
)
from tests.support.orders import (
    CLIC,
    EMAIL,
    NUMBER,
    VOICE,
    make_clic,
    make_crowd,
    make_order,
    make_recipients,
    make_sms,
    place_campaign,
)
from tests.support.processes import ROOT, run_python

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"
VENDOR = ROOT / "emulator" / "web" / "vendor"


def do(api: Api, action: str, /, *, world: str = "", **fields: Any) -> str:
    """Press a button; return what the panel says about it."""
    query = f"?world={world}" if world else ""
    path = f"/panel/do/{action}{query}"
    body = urlencode(fields).encode()
    answer = api.post(path, content=body, token="", headers=FORM)
    page = HtmlPage(answer)
    is_good = any("good" in str(each.get("class")).split() for each in page.all("div"))
    assert (answer.status == 200) == is_good, answer.octets
    return page.text.strip()


def lived_in(api: Api) -> None:
    """Let something of every kind happen, with hostile words wherever they can be."""
    place_campaign(
        api,
        make_sms(
            text=f"{HOSTILE} <+B+>",
            campaign_name=HOSTILE,
            recipients=make_recipients(NUMBER, name=HOSTILE),
            encode_2=True,
        ),
    )
    place_campaign(api, make_clic(), path=CLIC)
    api.post(
        EMAIL, json=make_order(EMAIL, subject=HOSTILE, body=HOSTILE, header=HOSTILE)
    )
    api.post(VOICE, json=make_order(VOICE, text=HOSTILE, campaign_name=HOSTILE))
    api.post("/api/v3/campaign", json={"text": HOSTILE}, headers={"x-mine": HOSTILE})
    api.clock.advance(minutes=1)
    api.receive(46608336, HOSTILE)
    run_control(api, "POST", "faults", json={"preset": "flaky"})


def everywhere(api: Api) -> Iterator[str]:
    """Yield the address of every page, with something to see."""
    voice = next(iter(api.world.voice_campaigns), 0)
    email = next(iter(api.world.email_campaigns), 0)
    for page in PAGES:
        if page == "campaign":
            yield "/panel/campaign?channel=sms&campaign=8528238"
            yield f"/panel/campaign?channel=voice&campaign={voice}"
            yield f"/panel/campaign?channel=email&campaign={email}"
        elif page == "request":
            yield "/panel/request?number=5"
        else:
            yield f"/panel/{page}"
    yield "/"
    yield f"/?with={NUMBER}"
    yield "/?with=ana@example.org"


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_page_shows_hostile_words_as_text(api: Api, language: str) -> None:
    lived_in(api)
    seen = 0

    for path in everywhere(api):
        page = read_page(api, path, **{"accept-language": language})

        scripts = page.all("script")
        assert all(each["src"] for each in scripts), path
        assert len(scripts) == 3
        assert not any(
            name.startswith("on") for _, each in page.elements for name in each
        )
        assert not any("style" in each for _, each in page.elements), path
        seen += page.text.count("<script>alert(1)</script>")
        assert "49" not in re.findall(r"&(\d+)", page.text)
    assert seen > 8


def test_a_page_lets_nothing_in_from_elsewhere(api: Api) -> None:
    answer = api.get("/", token="")

    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["cache-control"] == "no-store"


def test_every_file_that_a_page_names_is_there_and_stays(api: Api) -> None:
    lived_in(api)
    page = read_page(api, "/?with=ana@example.org")
    named = [each["src"] for each in page.all("script")]
    named += [each["href"] for each in page.all("link")]
    (letter,) = (str(each["srcdoc"]) for each in page.all("iframe"))
    named += re.findall(r"href=([^>]+)>", letter.partition("<body")[0])

    for path in named:
        assert path is not None
        plain = api.get(path, token="")
        packed = api.get(path, token="", headers={"accept-encoding": "gzip, br"})

        assert (plain.status, packed.status) == (200, 200)
        assert packed.headers["content-encoding"] == "gzip"
        assert len(packed.octets) < len(plain.octets)
        assert "immutable" in plain.headers["cache-control"]
    assert {str(path).split("?")[0].rpartition("/")[2] for path in named} == {
        *ASSET_FILES
    }
    assert api.get("/panel/asset/../panel.py", token="").status == 404
    assert api.get("/panel/asset/words.yaml", token="").status == 404


@pytest.mark.parametrize("name", list(REGIONS))
def test_a_region_answers_by_itself(api: Api, name: str) -> None:
    lived_in(api)
    query = "?channel=sms&campaign=8528238&number=5"

    page = read_page(api, f"/panel/region/{name}{query}")

    assert page.all("html") == []
    assert page.text.strip()


@pytest.mark.parametrize(
    ("action", "field"),
    [
        (name, each.params[0])
        for name, each in ACTIONS.items()
        if each.params and name != "add-item"
    ],
)
def test_a_button_that_does_not_say_what_it_is_about_says_so(
    api: Api, action: str, field: str
) -> None:
    assert f"send {field}" in do(api, action)


def test_an_empty_world_greets_and_then_turns_into_content(api: Api) -> None:
    greeting = read_page(api, "/").text
    assert "Nothing has arrived yet" in greeting
    for tool in ("curl http://", "php -r", "python3 -c"):
        assert tool in greeting

    place_campaign(api)

    region = read_page(api, "/panel/region/phones").text
    assert NUMBER in region
    assert "Nothing has arrived yet" not in region


def test_pages_are_in_the_language_that_a_browser_asks_for(api: Api) -> None:
    place_campaign(api)
    asked = {
        "es-MX,es;q=0.9,en;q=0.8": "Campañas",
        "en-US": "Campaigns",
        "fr, es;q=0.5, en;q=0.4": "Campañas",
        "de": "Campaigns",
        "es;q=0, en": "Campaigns",
        "es;q=x": "Campaigns",
        "": "Campaigns",
    }
    for accepted, title in asked.items():
        page = read_page(api, "/panel/campaigns", **{"accept-language": accepted})

        assert title in page.text, accepted
        assert page.all("html")[0]["lang"] == ("es" if "ñ" in title else "en")


def said() -> set[str]:
    """Return the sentences that the templates ask for."""
    texts = [path.read_text("utf-8") for path in TEMPLATE_DIR.rglob("*.html")]
    keys = {key for text in texts for key in re.findall(r'say\(["\'](\w+)["\']', text)}
    families = {
        "about_": ("refusal", "note"),
        "break_": FAULT_CHOICES,
        "change_": ("pause", "resume", "cancel", "mark_unknown"),
        "channel_": ("sms", "smsclic", "voice", "email"),
        "did_": (*(name.replace("-", "_") for name in ACTIONS), "restore"),
        "field_": set(re.findall(r'\("(\w+)", "(?:text|url|number)"', "".join(texts))),
        "mark_": ("explicit", "implied", "guess"),
        "page_": PAGES,
        "source_": ("http", "smpp", "keyword"),
        "preset_": (
            name.replace("-", "_") for name in files.read_cached_yaml(files.PRESETS)
        ),
    }
    return (
        (keys - families.keys())
        | {f"{family}{name}" for family, names in families.items() for name in names}
        | {"field_id", "field_expires", "request", "answer"}
    )


def test_every_sentence_is_there_in_every_language_and_none_is_unused() -> None:
    catalogue = words.load_sentences()

    assert catalogue.keys() == said()
    for key, sentences in catalogue.items():
        assert sentences.keys() == {*words.LANGUAGES}, key
        assert all(isinstance(each, str) and each for each in sentences.values()), key
        marks = [re.findall(r"\{\w*\}", each) for each in sentences.values()]
        assert marks[0] == marks[1], key


def test_every_action_is_an_operation_and_every_named_operation_exists() -> None:
    operations = read_control().operations

    for name, action in ACTIONS.items():
        operation = operations[action.operation]
        assert {*action.params} == {each.name for each in operation.parameters}, name
    assert {*FAULTABLE_OPERATIONS} <= read_contract().operations.keys()


def test_every_way_to_break_a_call_is_a_rule(api: Api) -> None:
    for how in FAULT_CHOICES:
        assert "feel it" in do(api, "break", how=how, operation="createCampaign"), how

    assert len(api.world.faults) == len(FAULT_CHOICES)


def test_every_effect_can_be_chosen_and_becomes_a_rule(api: Api) -> None:
    page = api.get("/panel/faults").octets.decode()
    chosen = [json.loads(unescape(each)) for each in re.findall(r"value='(.*?)'", page)]

    assert chosen == [*vocabulary.list_effect_examples()]
    for each in chosen:
        effect = vocabulary.parse_effect(each)
        known = ("getUser", *chain(*places.OPERATIONS_BY_PLACE.values()))
        operation = next(name for name in known if effect.can_affect(name))
        assert f"<option>{operation}</option>" in page
        done = do(api, "break", how=json.dumps(each), operation=operation)
        assert "feel it" in done, each


def test_nonsense_breaks_nothing(api: Api) -> None:
    for how in ("", "{", "[]", "nothing"):
        assert "feel it" not in do(api, "break", how=how, operation="getUser")


def test_every_status_has_a_tone_that_the_style_knows() -> None:
    style = ASSET_FILES["panel.css"].read_text("utf-8")

    assert {tone for tone in STATUS_TONES.values() if tone != "quiet"} <= set(
        re.findall(r"\.mark\.(\w+)", style)
    )


def test_a_command_does_what_the_control_api_does(api: Api) -> None:
    placed = place_campaign(api)["campaign"]

    assert do(api, "pause", campaignId=placed) == "Paused."
    assert run_control(api, "GET", f"campaigns/sms/{placed}")["changes"][0] == "resume"
    assert do(api, "advance", seconds=60) == "Time has jumped ahead."
    assert do(api, "top-up", amount="0.5") == "The balance has changed."
    assert do(api, "push-url", push_url="http://127.0.0.1:1/push") == "Saved."
    assert api.account.push_url == "http://127.0.0.1:1/push"


def test_an_item_is_added_and_removed(api: Api) -> None:
    do(api, "add-item", collection="audios", item="40", name="hola")
    do(api, "add-item", collection="keywords", keyword="BAJA", response="listo")
    do(api, "remove-item", collection="audios", item="31")

    assert sorted(api.account.audios) == [32, 40]
    assert [each.word for each in api.account.keywords][-1] == "BAJA"


def test_a_token_is_shown_whole_once(api: Api) -> None:
    token = re.search(r"eyJ\S+", do(api, "create-token", name="suite"))

    assert token is not None
    assert api.get("/api/v1/user", token=token[0]).status == 200
    shown = read_page(api, "/panel/region/tokens").text
    assert token[0] not in shown
    assert token[0][-4:] in shown


def test_a_command_that_cannot_be_says_why(api: Api) -> None:
    assert "no such campaign" in do(api, "pause", campaignId="1")
    assert "do not match" in do(api, "advance", seconds="soon") or "seconds" in do(
        api, "advance", seconds="soon"
    )
    assert (
        "JSON"
        in HtmlPage(
            api.post("/panel/restore", content=b"{", token="", headers=FORM)
        ).text
    )


def test_a_world_of_ones_own_is_looked_at_and_commanded(api: Api) -> None:
    answer = api.post("/panel/do/open", content=b"name=mine", token="", headers=FORM)
    assert answer.headers["hx-redirect"] == "/?world=mine"

    do(api, "freeze", world="mine")
    place_in_mine = api.post("/api/v3/campaign", json=make_sms(), token="world-mine")

    assert place_in_mine.status == 200
    assert NUMBER in read_page(api, "/?world=mine").text
    assert "Nothing has arrived yet" in read_page(api, "/").text
    assert api.get("/?world=nobody", token="").status == 404


def test_a_snapshot_goes_out_and_comes_back(api: Api) -> None:
    place_campaign(api)
    answer = api.get("/panel/snapshot", token="")
    assert answer.headers["content-disposition"] == 'attachment; filename="demo.json"'
    api.post("/_emulator/world/reset")

    api.post("/panel/restore", content=answer.octets, token="", headers=FORM)

    assert len(api.world.campaigns) == 1


def test_rows_come_fifty_at_a_time(api: Api) -> None:
    place_campaign(api, make_sms(recipients=make_crowd(120)))
    api.clock.advance(minutes=1)
    path = "/panel/region/recipients?channel=sms&campaign=8528238"

    first, last = read_page(api, path), read_page(api, f"{path}&offset=100")

    assert (len(first.all("tr")), len(last.all("tr"))) == (51, 21)
    assert [each.get("rel") for each in first.all("a") if each.get("rel")] == ["next"]
    assert [each.get("rel") for each in last.all("a") if each.get("rel")] == ["prev"]


def test_a_page_of_another_origin_commands_nothing(api: Api) -> None:
    foreign = {**FORM, "origin": "https://evil.example.org", "host": "127.0.0.1:7672"}
    for path in ("/panel/do/freeze", "/panel/restore", "/panel/enter"):
        assert api.post(path, content=b"", token="", headers=foreign).status == 403

    ours = {**FORM, "origin": "http://127.0.0.1:7672", "host": "127.0.0.1:7672"}
    assert (
        api.post("/panel/do/freeze", content=b"", token="", headers=ours).status == 200
    )


def test_who_does_not_know_the_secret_is_asked_for_it() -> None:
    with closing(make_limited_emulator(secret="s3cret")) as api:
        for path in ("/", "/panel/region/phones", "/panel/live", "/panel/snapshot"):
            refused = api.get(path, token="")
            assert refused.status == 401, path
            assert b'type="password"' in refused.octets
        assert api.post("/panel/do/freeze", token="", headers=FORM).status == 401

        wrong = api.post("/panel/enter", content=b"secret=no", token="", headers=FORM)
        right = api.post(
            "/panel/enter", content=b"secret=s3cret", token="", headers=FORM
        )

        assert (wrong.status, right.status) == (401, 303)
        pair, *rest = right.headers["set-cookie"].split("; ")
        assert rest == ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=strict"]
        assert "s3cret" not in pair
        assert api.get("/", token="", headers={"cookie": pair}).status == 200
        cookie = {"cookie": "emulator_control=s3cret"}
        assert api.get("/", token="", headers=cookie).status == 401


def test_looking_changes_nothing(api: Api) -> None:
    lived_in(api)
    rung: list[int] = []
    api.world.add_listener(lambda: rung.append(1))
    before = (api.world.plan_version, api.world.journal.last)

    for path in everywhere(api):
        read_page(api, path)

    assert (api.world.plan_version, api.world.journal.last) == before
    assert rung == []


def test_what_others_made_is_what_its_hashes_say() -> None:
    for sums in VENDOR.glob("*/SHA256SUMS"):
        lines = (line.split() for line in sums.read_text("ascii").splitlines())
        listed = {name: wanted for wanted, name in lines}
        folder = sums.parent
        found = {path.name for path in folder.iterdir()} - {sums.name}
        assert {*listed} == found
        for name, wanted in listed.items():
            octets = (folder / name).read_bytes()
            assert sha256(octets).hexdigest() == wanted, name
        assert any(name.startswith("LICENSE") for name in found)


def test_a_start_does_without_the_template_engine() -> None:
    code = (
        "import sys; from emulator.serving.composition import build_program; "
        "from emulator.serving.settings import Settings; build_program(Settings()); "
        "print('jinja2' in sys.modules, 'faker' in sys.modules)"
    )

    assert run_python(code) == "False False"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.00012, "0.12 ms"), (0.0042, "4.2 ms"), (0.012, "12 ms"), (1.25, "1.2 s")],
)
def test_durations_are_readable(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown


def test_no_world_no_page(make_api: MakeApi) -> None:
    api = make_api()

    for path in ("/panel/nothing", "/panel/region/nothing", "/panel/request?number=9"):
        assert api.get(path, token="").status == 404
    assert api.post("/panel/do/nothing", token="", headers=FORM).status == 404
    assert api.get("/panel/do/freeze", token="").status == 405
