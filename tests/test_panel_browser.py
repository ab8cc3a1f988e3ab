"""The panel in a real browser: what a person sees, does, and must never be shown."""

import json
import os
import re
import subprocess
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from emulator.web.panel.views import PAGES
from tests.support.browser import (
    COPYING,
    FLAGS,
    HOSTILE,
    LIVE,
    PHONE,
    OpenPage,
    copy_by_button,
    fill_served_world,
    list_addresses,
    send_order,
    steer_world,
)
from tests.support.orders import CLIC, NUMBER, SMS, make_clic, make_crowd, make_sms
from tests.support.processes import (
    ServedEmulator,
    require_file,
    require_tool,
    serve_emulator,
)
from tests.support.servers import run_receiver
from tests.support.smpp import SmppSocket

pytestmark = pytest.mark.tools

AXE = Path("axe-core", "axe.min.js")
THEMES = ("light", "dark")
CONTENT = 0.95  # of Lighthouse
LOOKS = 3
OF_ONE = {"campaign", "request"}  # their address says of which


def test_a_message_is_seen_within_half_a_second(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    page = visit(f"/?world={world}")
    expect(page.get_by_role("heading", name="Nothing has arrived yet")).to_be_visible()
    expect(page.locator("#live")).to_be_attached()
    took = []

    for text in ("uno", "dos", "tres"):
        send_order(served, world, text=text)
        sent = monotonic()
        page.locator(".bubble", has_text=text).wait_for()
        took.append((monotonic() - sent) * 1000)

    assert min(took) < LIVE, took
    expect(page.get_by_text("Nothing has arrived yet")).to_have_count(0)


def test_a_campaign_runs_before_ones_eyes(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    page = visit(f"/panel/clock?world={world}")
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("stands still", exact=True)).to_be_visible()
    placed = send_order(served, world, recipients=make_crowd(2_000))
    page.goto(
        f"/panel/campaign?world={world}&channel=sms&campaign={placed['campaign']}"
    )
    expect(page.locator(".progress strong")).to_have_text("0 %")
    page.evaluate(
        "new PerformanceObserver(list => list.getEntries().forEach(each => "
        "window.shifted = (window.shifted || 0) + each.value))"
        ".observe({type: 'layout-shift', buffered: true})"
    )

    steer_world(served, world, "clock/advance", seconds=21)

    expect(page.locator(".progress strong")).to_have_text("50 %")
    expect(page.locator(".tallies")).to_contain_text("1,001 sent")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Paused.")
    assert page.evaluate("window.shifted || 0") < 0.1


def test_time_is_frozen_and_advanced(visit: OpenPage, world: str) -> None:
    page = visit(f"/panel/clock?world={world}")
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("stands still", exact=True)).to_be_visible()
    shown = page.locator(".big time")
    before = str(shown.get_attribute("datetime"))

    page.get_by_role("button", name="+1 h").click()

    hour = f"{(int(before[11:13]) + 1) % 24:02}"
    expect(shown).to_have_attribute(
        "datetime", re.compile(rf"T{hour}{re.escape(before[13:])}$")
    )


def test_the_next_request_breaks_and_the_strike_is_counted(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    page = visit(f"/panel/faults?world={world}")
    page.get_by_label("How").select_option("500_after")
    page.get_by_role("button", name="Break it").click()
    row = page.locator("#rule-f1")
    expect(row).to_contain_text("SERVER_ERROR")

    body = json.dumps(make_sms())
    answer = served.ask("POST", SMS, body, token=f"world-{world}")

    assert answer.status == 500
    expect(row.locator("strong")).to_have_text("1")
    assert served.ask("POST", SMS, body, token=f"world-{world}").status == 200


def test_a_preset_is_a_switch(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    page = visit(f"/panel/faults?world={world}")
    switch = page.get_by_role("switch", name="unauthorized")

    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    assert served.ask("GET", "/api/v1/user", token=f"world-{world}").status == 401

    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    assert served.ask("GET", "/api/v1/user", token=f"world-{world}").status == 200


def test_a_request_is_explained(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    page = visit(f"/panel/requests?world={world}")

    answer = served.ask("POST", SMS, '{"text": "hola"}', token=f"world-{world}")

    assert answer.status == 422
    page.locator("tr", has_text="422").get_by_role("link").click()
    expect(page.locator(".why")).to_contain_text("SMS-04")
    expect(page.locator(".sides")).to_contain_text("El campo recipients es obligatorio")
    page.get_by_text("Headers (", exact=False).first.click()
    send_order(
        served, world
    )  # the region is looked at again, and what is open stays so
    expect(page.locator("#status")).to_contain_text("468,061.11")
    expect(page.get_by_text("Bearer ****", exact=False).first).to_be_visible()


def test_worlds_are_switched(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    send_order(served, world, text="solo aqui")
    page = visit(f"/?world={world}")
    expect(page.locator(".bubble")).to_contain_text("solo aqui")

    page.locator("#status").get_by_role("link", name=world).click()
    page.get_by_label("Name", exact=True).fill(f"{world}-b")
    page.get_by_role("button", name="Open").click()

    expect(page.get_by_role("heading", name="Nothing has arrived yet")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"\?world={world}-b$"))
    page.locator("#status").get_by_role("link", name=f"{world}-b").click()
    page.get_by_role("link", name=re.compile(rf"^World {world} ")).click()
    expect(page.locator(".bubble")).to_contain_text("solo aqui")


@pytest.mark.parametrize(
    ("locale", "title"), [("en-US", "Campaigns"), ("es-MX", "Campañas")]
)
def test_the_browsers_language_is_spoken(
    visit: OpenPage, locale: str, title: str
) -> None:
    page = visit("/panel/campaigns", locale=locale)

    expect(page.get_by_role("heading", name=title)).to_be_visible()


def brightness(page: Page) -> int:
    color = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return sum(map(int, re.findall(r"\d+", str(color))[:3]))


@pytest.mark.parametrize("theme", THEMES)
def test_light_and_dark_follow_the_system_until_somebody_says_otherwise(
    visit: OpenPage, theme: Any
) -> None:
    page = visit("/panel/campaigns", color_scheme=theme)
    assert (brightness(page) > 600) == (theme == "light")

    page.get_by_role("button", name="Light or dark").click()
    page.reload()

    assert (brightness(page) > 600) == (theme == "dark")


def test_keys_search_move_open_and_help(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    for name in ("primera", "segunda", "tercera"):
        send_order(served, world, campaign_name=name)
    page = visit(f"/panel/campaigns?world={world}")
    focused = page.locator(":focus")

    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(focused).to_contain_text("segunda")
    page.keyboard.press("k")
    expect(focused).to_contain_text("tercera")
    page.keyboard.press("/")
    page.keyboard.type("prim/j?")
    expect(page.get_by_role("searchbox")).to_have_value("prim/j?")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("7")
    expect(page).to_have_url(re.compile("/panel/clock"))


def test_half_typed_text_survives_every_update(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    page = visit(f"/panel/campaigns?world={world}")
    page.keyboard.press("/")
    page.keyboard.type("a medi")

    send_order(served, world, campaign_name="otra")

    expect(page.locator(".card")).to_contain_text("otra")
    page.keyboard.type("as")
    expect(page.get_by_role("searchbox")).to_have_value("a medias")


def test_a_form_keeps_what_was_typed_while_its_region_changes(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    page = visit(f"/panel/account?world={world}")
    page.get_by_role("textbox", name="Keyword").fill("BAJ")
    page.get_by_label("Name of a new token").fill("nuevo")

    steer_world(served, world, "tokens", name="de la API")

    expect(page.locator("#tokens")).to_contain_text("de la API")
    expect(page.get_by_role("textbox", name="Keyword")).to_have_value("BAJ")
    expect(page.get_by_label("Name of a new token")).to_have_value("nuevo")


def test_a_token_is_created_and_copied(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    page = visit(f"/panel/account?world={world}", **COPYING)
    page.get_by_label("Name of a new token").fill("suite")
    page.get_by_role("button", name="Create").click()

    made = page.get_by_role("status")
    token = copy_by_button(page, made.get_by_role("button", name="Copy"))

    expect(page.locator("#tokens")).to_contain_text("suite")
    expect(page.locator("#tokens")).not_to_contain_text(token)
    assert served.ask("GET", "/api/v1/user", token=token).status == 200
    made.get_by_role("button", name="Close").click()
    expect(made).to_have_count(0)


def test_what_is_copied_can_be_pasted_where_there_is_no_clipboard_to_write_to(
    visit: OpenPage, world: str
) -> None:
    page = visit(f"/panel/account?world={world}")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.get_by_label("Name of a new token").fill("suite")
    page.get_by_role("button", name="Create").click()
    made = page.get_by_role("status")
    token = str(made.locator("code").text_content())

    made.get_by_role("button", name="Copy").click()
    field = page.get_by_role("textbox", name="Where replies")
    field.press("Control+V")

    expect(field).to_have_value(token)


def test_a_snapshot_is_taken_and_put_back(
    served: ServedEmulator, visit: OpenPage, world: str, tmp_path: Path
) -> None:
    send_order(served, world, text="antes")
    page = visit(f"/panel/account?world={world}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    kept = tmp_path / "kept.json"
    download.value.save_as(kept)
    steer_world(served, world, "world/reset")

    page.locator("[data-restores]").set_input_files(kept)

    expect(page.get_by_role("status")).to_contain_text("what the snapshot says")
    page.goto(f"/?world={world}")
    expect(page.locator(".bubble")).to_contain_text("antes")


def test_the_greeting_fills_a_world(visit: OpenPage, world: str) -> None:
    page = visit(f"/?world={world}")

    page.get_by_role("button", name="Fill this world").click()

    expect(page.get_by_role("status")).to_have_text("The world is full of life.")
    expect(page.locator(".contacts li")).to_have_count(50)


def test_a_short_link_can_be_followed(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    send_order(served, world, CLIC, **make_clic())
    page = visit(f"/?world={world}")
    link = page.locator(".bubble .text a")
    path = str(link.get_attribute("href"))

    followed = served.ask("GET", path)

    assert followed.headers["location"] == "https://shop.example.org/"
    page.goto(f"/panel/account?world={world}")
    expect(page.locator("#links")).to_contain_text("1 tienda")


@pytest.mark.parametrize("theme", THEMES)
def test_hostile_words_are_text_on_every_page(
    served: ServedEmulator, visit: OpenPage, world: str, theme: Any
) -> None:
    fill_served_world(served, world)
    page = visit(f"/?world={world}", color_scheme=theme)
    dialogs: list[str] = []
    page.on("dialog", lambda each: dialogs.append(each.message))

    for address in list_addresses(served, world):
        page.goto(address)
        expect(page.locator("main")).to_be_visible()

    page.goto(f"/?world={world}&with=ana@example.org")
    letter = page.frame_locator("iframe")
    expect(letter.locator("p")).to_have_text(HOSTILE)
    expect(page.locator("iframe")).to_have_attribute("sandbox", "")
    page.goto(f"/?world={world}&with={NUMBER}")
    expect(page.locator(".bubble").first).to_contain_text(HOSTILE)
    assert dialogs == []


@pytest.mark.parametrize("theme", THEMES)
def test_no_page_shuts_anybody_out(
    served: ServedEmulator, visit: OpenPage, world: str, theme: Any
) -> None:
    axe = require_file(AXE).read_text("utf-8")
    page = visit(f"/?world={world}", color_scheme=theme, reduced_motion="reduce")
    seen = [f"/?world={world}"]
    found = violations(page, axe)
    fill_served_world(served, world)

    for address in list_addresses(served, world):
        page.goto(address)
        found += violations(page, axe)
        seen.append(address)

    assert found == []
    assert len(seen) > len(PAGES)


@pytest.mark.parametrize("theme", THEMES)
def test_the_contract_shuts_nobody_out(visit: OpenPage, theme: Any) -> None:
    axe = require_file(AXE).read_text("utf-8")
    page = visit("/docs", color_scheme=theme, reduced_motion="reduce")

    for operation in ("getUser", "createCampaign"):
        opening = page.locator(f"[id$=-{operation}] .opblock-summary-control")
        opening.click()
        expect(opening).to_have_attribute("aria-expanded", "true")

    expect(page.locator("#servers")).to_have_attribute("aria-label", "Server")
    assert violations(page, axe) == []


def violations(page: Page, axe: str) -> list[str]:
    """Return what axe has to say about a page."""
    page.evaluate(axe)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{page.url}: {each['id']}: {each['nodes'][0]['html'][:200]}: "
        f"{each['nodes'][0]['failureSummary']}"
        for each in result["violations"]
    ]


@pytest.mark.parametrize("locale", ["en-US", "es-MX"])
def test_every_page_fits_a_phone(
    served: ServedEmulator, visit: OpenPage, world: str, locale: str
) -> None:
    page = visit(f"/?world={world}", viewport=PHONE, locale=locale)
    fill_served_world(served, world)

    for address in list_addresses(served, world):
        page.goto(address)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], address

    page.goto(f"/?world={world}")
    page.locator(".contacts a").first.click()
    expect(page.locator(".bubbles")).to_be_visible()
    page.locator(".back").click()
    expect(page.locator(".contacts")).to_be_visible()


def test_the_secret_is_asked_for_and_remembered(browser: Browser) -> None:
    with serve_emulator(environment={"EMULATOR_CONTROL_SECRET": "s3cret"}) as guarded:
        context = browser.new_context(base_url=guarded.url)
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Secret").fill("wrong")
        page.get_by_role("button", name="Enter").click()
        expect(page.get_by_text("That is not the secret.")).to_be_visible()

        page.get_by_label("Secret").fill("s3cret")
        page.get_by_role("button", name="Enter").click()

        expect(page.get_by_role("heading", name="Nothing has")).to_be_visible()
        (cookie,) = context.cookies()
        assert (cookie["sameSite"], cookie["httpOnly"]) == ("Strict", True)
        page.goto("/panel/clock")
        page.get_by_role("button", name="Freeze").click()
        expect(page.get_by_text("stands still", exact=True)).to_be_visible()
        context.close()


def test_a_reply_leaves_as_a_push_whose_attempt_is_seen(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    with run_receiver() as server:
        page = visit(f"/panel/account?world={world}")
        page.get_by_role("textbox", name="Where replies").fill(f"{server.url}/mo")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_have_text("Saved.")
        send_order(served, world, text="confirme por favor")
        steer_world(served, world, "clock/settle")
        page.goto(f"/?world={world}")

        page.get_by_role("textbox", name="Reply as").fill(HOSTILE)
        page.keyboard.press("Enter")

        bubble = page.locator(".bubble.reply")
        expect(bubble.locator(".text")).to_have_text(HOSTILE)
        expect(bubble.locator(".push")).to_contain_text("delivered accepted 200")
        expect(page.get_by_role("textbox", name="Reply as")).to_have_value("")
        assert [each["response"] for each in server.parameters] == [HOSTILE]
        bubble.get_by_role("link", name="moPush").click()
        expect(page.locator(".delivery")).to_contain_text("accepted")

        page.get_by_role("button", name="Replay").click()

        expect(page.locator(".attempts > li")).to_have_count(2)


def test_who_is_bound_and_what_is_said_by_smpp_is_seen(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    where = served.ask("GET", f"/_emulator/smpp?world={world}").body
    page = visit(f"/panel/smpp?world={world}")
    with SmppSocket(where["host"], where["port"]) as client:
        client.bind(where["system_id"], where["password"])
        client.submit(NUMBER, b"por SMPP <b>")

        row = page.locator("tr", has_text="submit_sm").last
        expect(row).to_contain_text("por SMPP <b>")
        expect(page.locator("tr", has_text="bind_transceiver")).to_be_visible()
        session = page.locator("tr[id^=session]")
        expect(session).to_contain_text(where["system_id"])
        session.get_by_role("button", name="Cut").click()
        expect(page.get_by_text("No bound sessions.")).to_be_visible()

    page.locator("a", has_text="submit_sm").click()
    expect(page.locator(".sides")).to_contain_text(NUMBER)
    expect(page.locator(".sides")).to_contain_text("submit_sm_resp")


@pytest.mark.soak
@pytest.mark.parametrize("page", [each for each in PAGES if each not in OF_ONE])
def test_lighthouse_is_content(served: ServedEmulator, page: str) -> None:
    """In one of three looks, as it slows the processor down and others use it too."""
    steer_world(served, "demo", "world/populate")

    scores: list[dict[str, float]] = []
    while len(scores) < LOOKS and not (scores and min(scores[-1].values()) >= CONTENT):
        scores.append(scored(f"{served.url}/panel/{page}"))

    assert min(scores[-1].values()) >= CONTENT, scores


def scored(url: str) -> dict[str, float]:
    """Return what Lighthouse thinks of a page: performance and accessibility."""
    lighthouse, program = require_tool("lighthouse"), require_tool("chromium")
    done = subprocess.run(
        [
            lighthouse,
            url,
            *("--quiet", "--output=json", "--output-path=stdout"),
            "--only-categories=performance,accessibility",
            f"--chrome-flags=--headless=new {' '.join(FLAGS)}",
        ],
        env={**os.environ, "CHROME_PATH": str(program)},
        capture_output=True,
        check=True,
    )
    categories = json.loads(done.stdout)["categories"]
    return {name: each["score"] for name, each in categories.items()}
