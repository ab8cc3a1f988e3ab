"""What a person gets done with the panel, page by page, in a real browser."""

import json
import re
import shlex
import subprocess
from functools import partial
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from emulator.web.panel.faults import FAULT_CHOICES
from tests.support.browser import (
    COPYING,
    PHONE,
    OpenPage,
    change_world,
    copy_by_button,
    fill_served_world,
    list_addresses,
    run_clock,
    send_order,
    steer_world,
)
from tests.support.orders import (
    CLIC,
    EMAIL,
    NUMBER,
    SMS,
    VOICE,
    make_clic,
    make_crowd,
    make_order,
    make_recipients,
)
from tests.support.processes import ServedEmulator, require_tool
from tests.support.servers import ReceiverAnswer, run_receiver
from tests.support.smpp import SmppSocket

pytestmark = pytest.mark.tools

OTHER, ANSWERS = "5511223344", "9990010000"
SHIFTS = """() => {
  window.shifted = 0;
  const note = (list) => list.getEntries().forEach((each) => (shifted += each.value));
  new PerformanceObserver(note).observe({ type: "layout-shift", buffered: true });
}"""
WIDE_ENOUGH = 24  # pixels, for a finger
STILL = 0.1  # the layout shift up to which a page counts as good


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def pasted(line: str) -> Any:
    """Return what a line says that somebody pastes into a terminal."""
    done = subprocess.run(shlex.split(line), capture_output=True, check=True)
    return json.loads(done.stdout)


def bubbles(page: Page) -> Locator:
    return page.locator(".bubble")


@pytest.mark.parametrize(("name", "tool"), [("curl", "curl"), ("PHP", "php")])
def test_a_line_of_the_greeting_turns_it_into_content(
    visit: OpenPage, world: str, name: str, tool: str
) -> None:
    require_tool(tool)
    page = visit(f"/?world={world}", **COPYING)

    answer = pasted(copy_by_button(page, page.locator(f'[data-copy="#paste-{name}"]')))

    assert answer["recipients_count"] == 1
    expect(bubbles(page)).to_contain_text("hola")
    expect(page.get_by_text("Nothing has arrived yet")).to_have_count(0)


def test_the_python_line_of_the_greeting_does_too(visit: OpenPage, world: str) -> None:
    page = visit(f"/?world={world}")
    line = page.locator("#paste-Python").inner_text()

    pasted(line)

    expect(bubbles(page)).to_contain_text("hola")


def test_a_phone_shows_what_its_owner_sees(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    run_clock(served, world, 0)
    someone = make_recipients(NUMBER, name="Ana")
    send_order(served, world, text="Hola <+B+>", recipients=someone)
    send_order(served, world, text="¡Adiós, <+B+>!", recipients=someone, encode_2=True)
    send_order(served, world, CLIC, **make_clic())
    called = make_recipients(NUMBER, name="Ana")
    send_order(
        served, world, VOICE, **make_order(VOICE, text="Le llama", recipients=called)
    )
    letter = make_order(EMAIL, subject="Su cuenta", body="Hola", sender="a@example.org")
    send_order(served, world, EMAIL, **letter)
    steer_world(served, world, "clock/settle")

    page = visit(f"/?world={world}&with={NUMBER}")

    sms, encoded = page.locator(".bubble.sms").all()
    clic, voice = page.locator(".bubble.smsclic"), page.locator(".bubble.voice")
    expect(sms).to_contain_text("Hola Ana")
    expect(sms.locator(".from")).to_have_text("74342")
    expect(sms.locator(".foot")).to_contain_text("GSM 03.38")
    expect(encoded).to_contain_text("¡Adiós, Ana!")
    expect(encoded.locator(".foot")).to_contain_text("UCS-2")
    expect(clic.locator(".text a")).to_have_attribute("href", re.compile(r"^/s/\w+$"))
    expect(voice).to_contain_text("☎ Le llama")
    expect(voice.locator(".mark")).to_have_text("SENT")
    page.locator(".contacts a", has_text="ana@example.org").click()
    expect(bubbles(page).locator(".from")).to_have_text("a@example.org")
    expect(bubbles(page).locator(".subject")).to_have_text("Su cuenta")
    expect(page.frame_locator("iframe").locator("body")).to_contain_text("Hola")


def test_a_half_typed_reply_stays_with_the_phone_it_is_of(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    send_order(served, world, text="uno")
    steer_world(served, world, "clock/settle")
    page = visit(f"/?world={world}")
    field = page.get_by_role("textbox", name="Reply as")
    field.press_sequentially("a medi")

    send_order(served, world, text="dos", recipients=make_recipients(OTHER))

    first = page.locator(".contacts a").first
    expect(first).to_contain_text(OTHER)
    expect(field).to_have_value("a medi")
    expect(field).to_be_focused()
    field.press_sequentially("as")
    page.keyboard.press("Enter")
    expect(page.locator(".bubble.reply .text")).to_have_text("a medias")
    expect(page.get_by_role("heading", name=NUMBER)).to_be_visible()
    page.locator(".contacts a", has_text=OTHER).click()
    expect(page.get_by_role("heading", name=OTHER)).to_be_visible()
    expect(page.locator(".bubble.reply")).to_have_count(0)


def test_a_keyword_is_answered_on_the_phone_that_wrote_it(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    run_clock(served, world, 0)
    send_order(served, world)
    steer_world(served, world, "clock/settle")
    page = visit(f"/?world={world}")

    page.get_by_role("textbox", name="Reply as").fill("promo por favor")
    press(page, "Reply")
    expect(page.locator(".bubble.reply .push")).to_have_count(0)
    steer_world(served, world, "clock/settle")

    answer = page.locator(".bubble.sms").last
    expect(answer.locator(".text")).to_have_text("La promocion termina el domingo.")
    expect(answer.locator(".mark")).to_have_text("sent")


def test_what_was_typed_over_a_value_stays_when_the_value_changes(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    page = visit(f"/panel/account?world={world}")
    field = page.get_by_role("textbox", name="Where replies")
    field.fill("http://127.0.0.1:1/half")
    links = page.locator("article", has=page.get_by_role("heading", name="Links"))
    links.get_by_label("Title").fill("a medias")
    page.get_by_label("Amount").focus()

    change_world(served, world, "account", push_url="http://127.0.0.1:2/other")
    steer_world(served, world, "tokens", name="marca")

    expect(page.locator("#tokens")).to_contain_text("marca")
    expect(field).to_have_value("http://127.0.0.1:1/half")
    expect(links.get_by_label("Title")).to_have_value("a medias")


def test_a_campaign_moves_by_itself_while_time_runs(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    run_clock(served, world, 0)
    placed = send_order(served, world, recipients=make_crowd(2_000))["campaign"]
    page = visit(f"/panel/campaign?world={world}&channel=sms&campaign={placed}")
    expect(page.locator(".progress strong")).to_have_text("0 %")

    run_clock(served, world, 600)

    expect(page.locator(".progress strong")).to_have_text("100 %")
    expect(page.locator(".tallies")).to_contain_text("sent")
    expect(page.locator("h1 .mark")).to_have_text("inserted")


def test_fifty_thousand_rows_are_paged_searched_and_sorted_by_status(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    run_clock(served, world, 0)
    placed = send_order(served, world, recipients=make_crowd(50_000))["campaign"]
    steer_world(served, world, "clock/settle")
    page = visit(f"/panel/campaign?world={world}&channel=sms&campaign={placed}")
    rows = page.locator("#recipients tbody tr")
    expect(rows).to_have_count(50)
    expect(page.locator("#campaign")).to_contain_text("$ 50,000.00")

    press(page, "Next →")
    expect(page.locator(".pager")).to_contain_text("100 of 50,000")
    page.get_by_role("searchbox").fill("5500049999")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    page.goto(f"/panel/campaign?world={world}&channel=sms&campaign={placed}")
    page.locator(".tallies a", has_text="sent").click()

    expect(page.locator(".tallies a[aria-current]")).to_contain_text("50,000")
    expect(rows.locator(".mark", has_text="sent")).to_have_count(50)


def test_a_campaign_is_paused_resumed_and_cancelled(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    run_clock(served, world, 0)
    placed = send_order(served, world, recipients=make_crowd(2_000))["campaign"]
    steer_world(served, world, "clock/advance", seconds=20)
    page = visit(f"/panel/campaign?world={world}&channel=sms&campaign={placed}")
    status = page.locator("h1 .mark")

    press(page, "Pause")
    expect(status).to_have_text("updating")
    steer_world(served, world, "clock/advance", seconds=60)
    expect(status).to_have_text("paused")
    press(page, "Resume")
    steer_world(served, world, "clock/advance", seconds=5)
    expect(status).to_have_text("inserted")
    press(page, "Cancel")
    steer_world(served, world, "clock/advance", seconds=60)

    expect(status).to_have_text("canceled")
    expect(page.locator("#campaign").get_by_role("button")).to_have_count(0)


def test_calls_that_wait_are_cancelled(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    run_clock(served, world, 0)
    placed = send_order(served, world, VOICE)["voice_campaign"]
    page = visit(f"/panel/campaign?world={world}&channel=voice&campaign={placed}")

    press(page, "Cancel")

    expect(page.get_by_role("status")).to_have_text("Cancelled and paid back.")
    expect(page.locator("h1 .mark")).to_have_text("CANCELLED")


def test_campaigns_say_who_sent_them_and_when_they_will_go(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    where = served.ask("GET", f"/_emulator/smpp?world={world}").body
    page = visit(f"/panel/campaigns?world={world}")
    send_order(
        served, world, campaign_name="luego", scheduledDate="2099-01-01 09:00:00"
    )

    with SmppSocket(where["host"], where["port"]) as client:
        client.bind(where["system_id"], where["password"])
        client.submit(NUMBER, b"hola")

    cards = page.locator(".card")
    expect(cards.first).to_contain_text("SMPP")
    expect(cards.last).to_contain_text("HTTP")
    expect(cards.last).to_contain_text("Scheduled 2099-01-01 09:00:00")


def test_a_request_is_copied_as_curl_and_asked_once_more(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    require_tool("curl")
    body = '{"text": "@it\'s", "recipients": []}'
    served.ask("POST", f"{SMS}?a[]={{1}}", body, token=f"world-{world}")
    page = visit(f"/panel/requests?world={world}", **COPYING)
    page.locator("tr", has_text="422").get_by_role("link").click()

    answer = pasted(
        copy_by_button(page, page.get_by_role("button", name="Copy as curl"))
    )

    assert answer["error"]["status_code"] == 422
    page.goto(f"/panel/requests?world={world}")
    expect(page.locator("tr", has_text="422")).to_have_count(2)


def test_a_push_that_was_refused_is_sent_now_and_replayed(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    run_clock(served, world, 0)
    with run_receiver() as server:
        server.answer_with(ReceiverAnswer(500, "no"), ReceiverAnswer(200, "ok"))
        retries: Any = {"push_retries": [60]}
        change_world(served, world, "account", push_url=f"{server.url}/mo", **retries)
        send_order(served, world)
        steer_world(served, world, "clock/advance", seconds=60)
        page = visit(f"/panel/deliveries?world={world}")
        steer_world(served, world, "inbound", number=NUMBER, text="hola")
        delivery = page.locator(".delivery")
        expect(delivery).to_contain_text("bad_status")
        expect(delivery).to_contain_text("next attempt")

        press(page, "Send now")
        expect(delivery.locator(".attempts > li")).to_have_count(2)
        expect(delivery).to_contain_text("accepted")
        press(page, "Replay")

        expect(delivery.locator(".attempts > li")).to_have_count(3)
        delivery.locator("summary").last.click()
        expect(delivery.locator("pre").last).to_contain_text(f"cellphone={NUMBER}")


def test_a_receipt_is_a_delivery_too(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    where = served.ask("GET", f"/_emulator/smpp?world={world}").body
    page = visit(f"/panel/deliveries?world={world}")
    with SmppSocket(where["host"], where["port"]) as client:
        client.bind(where["system_id"], where["password"])
        client.submit(NUMBER, b"hola", registered=1)

        steer_world(served, world, "clock/advance", seconds=60)

        delivery = page.locator(".delivery")
        expect(delivery).to_contain_text("stat:DELIVRD")


def test_a_pdu_is_decoded(served: ServedEmulator, visit: OpenPage, world: str) -> None:
    where = served.ask("GET", f"/_emulator/smpp?world={world}").body
    with SmppSocket(where["host"], where["port"]) as client:
        client.bind(where["system_id"], where["password"])
        client.submit(NUMBER, b"por SMPP")
    page = visit(f"/panel/smpp?world={world}")

    page.locator("a", has_text="submit_sm").click()

    expect(page.locator("h1")).to_contain_text("submit_sm")
    expect(page.locator("nav [aria-current]")).to_have_text("SMPP")
    request, answer = page.locator(".sides article").all()
    expect(request.locator(".quote")).to_have_text("por SMPP")
    expect(request.locator(".headers")).to_contain_text(f"destination_addr{NUMBER}")
    expect(answer.locator(".headers")).to_contain_text("command_statusESME_ROK")


def test_a_rule_is_a_switch_and_keeps_its_strikes(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    page = visit(f"/panel/faults?world={world}")
    page.get_by_label("Operation").select_option("getUser")
    page.get_by_label("Times").fill("9")
    press(page, "Break it")
    switch = page.get_by_role("switch", name="Rule f1")
    expect(switch).to_have_attribute("aria-checked", "true")
    box = switch.bounding_box()
    assert box
    assert box["width"] >= WIDE_ENOUGH

    def status() -> int:
        return served.ask("GET", "/api/v1/user", token=f"world-{world}").status

    assert status() == 500
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    assert status() == 200
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    assert status() == 500
    expect(page.locator("#rule-f1 strong")).to_have_text("2")


def test_time_goes_to_the_next_event_and_to_the_end(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    run_clock(served, world, 0)
    send_order(served, world)
    page = visit(f"/panel/clock?world={world}")
    events = page.locator(".events li")
    expect(events).to_have_count(2)

    press(page, "Next event")
    expect(events).to_have_count(1)
    press(page, "+1 min")
    expect(page.get_by_role("status")).to_have_text("Time has jumped ahead.")
    send_order(served, world)
    expect(events).to_have_count(2)
    press(page, "Settle")
    expect(
        page.get_by_text("Nothing is left to happen by itself.").first
    ).to_be_visible()
    press(page, "Run")

    shown = page.locator(".big time")
    before = str(shown.get_attribute("datetime"))
    expect(shown).not_to_have_attribute("datetime", before)


def test_whatever_is_left_to_happen_is_listed(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    run_clock(served, world, 0)
    retries: Any = {"push_retries": [60]}
    change_world(served, world, "account", push_url="http://127.0.0.1:1/mo", **retries)
    send_order(served, world, recipients=make_recipients(NUMBER, ANSWERS))
    steer_world(served, world, "clock/advance", seconds=15)
    steer_world(served, world, "inbound", number=NUMBER, text="hola")
    page = visit(f"/panel/clock?world={world}")
    events = page.locator(".events")

    where = served.ask("GET", f"/_emulator/smpp?world={world}").body
    late = {"X-Emulator-Fault": "delay=50"}
    asking = partial(served.ask, token=f"world-{world}", headers=late)
    asked = Thread(target=asking, args=("GET", "/api/v1/user"))
    asked.start()
    with SmppSocket(where["host"], where["port"]) as client:
        client.bind(where["system_id"], where["password"])
        client.submit(NUMBER, b"hola", registered=1)
        for event in ("replied", "receipt", "pushed", "delayed"):
            expect(events.locator(".mark", has_text=event)).to_have_count(1)
    steer_world(served, world, "clock/settle")
    asked.join()

    expect(events).to_have_count(0)


def test_the_balance_is_topped_up_and_its_movements_are_listed(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    send_order(served, world)
    page = visit(f"/panel/account?world={world}")
    page.get_by_label("Amount").fill("100")

    press(page, "Top up")

    expect(page.locator("#money .big")).to_have_text("$ 468,161.11")
    expect(page.locator(".curve polyline")).to_have_attribute("points", re.compile(","))
    page.get_by_text("Movements (2)").click()
    expect(page.locator("#money tbody tr").first).to_contain_text("100.00")


@pytest.mark.parametrize(
    ("card", "fields"),
    [
        ("Keywords", {"Keyword": "BAJA", "Answer": "listo"}),
        (
            "Routes",
            {
                "Route": "500",
                "Name": "Nueva",
                "Country": "1",
                "Price": "0.5",
                "Description": "X",
            },
        ),
        ("Links", {"Title": "nuevo", "URL": "https://shop.example.org/x"}),
    ],
)
def test_an_item_is_added_and_removed(
    visit: OpenPage, world: str, card: str, fields: dict[str, str]
) -> None:
    page = visit(f"/panel/account?world={world}")
    article = page.locator("article", has=page.get_by_role("heading", name=card))
    page.on("dialog", lambda each: each.accept())
    before = article.locator("tbody tr").count()

    for name, value in fields.items():
        article.get_by_label(name, exact=True).fill(value)
    article.get_by_role("button", name="Add").click()

    expect(article.locator("tbody tr")).to_have_count(before + 1)
    for name in fields:
        expect(article.get_by_label(name, exact=True)).to_have_value("")
    article.get_by_role("button", name="Remove").last.click()
    expect(article.locator("tbody tr")).to_have_count(before)


@pytest.mark.parametrize("card", ["Audios", "Media"])
def test_a_file_is_uploaded_by_its_name(visit: OpenPage, world: str, card: str) -> None:
    page = visit(f"/panel/account?world={world}")
    article = page.locator("article", has=page.get_by_role("heading", name=card))

    file: Any = {"name": "hola.mp3", "mimeType": "audio/mpeg", "buffer": b"la"}
    article.locator("[type=file]").set_input_files(file)
    article.get_by_role("button", name="Add").click()

    expect(article.locator("tbody tr").last).to_contain_text("hola.mp3")


def test_a_token_is_deleted(
    served: ServedEmulator, visit: OpenPage, world: str
) -> None:
    made = steer_world(served, world, "tokens", name="viejo")["token"]
    page = visit(f"/panel/account?world={world}")
    page.on("dialog", lambda each: each.accept())

    row = page.locator("#tokens tr", has_text="viejo")
    row.get_by_role("button", name="Remove").click()

    expect(row).to_have_count(0)
    assert served.ask("GET", "/api/v1/user", token=made).status == 401


@pytest.mark.parametrize("how", FAULT_CHOICES)
def test_every_way_to_break_a_call_is_offered(
    visit: OpenPage, world: str, how: str
) -> None:
    page = visit(f"/panel/faults?world={world}")

    page.get_by_label("How").select_option(how)
    press(page, "Break it")

    expect(page.locator("#rule-f1")).to_be_visible()


@pytest.mark.parametrize("frame", [{}, {"viewport": PHONE}], ids=["wide", "phone"])
def test_nothing_jumps(
    served: ServedEmulator, visit: OpenPage, world: str, frame: dict[str, Any]
) -> None:
    fill_served_world(served, world)
    run_clock(served, world, 0)
    page = visit(f"/?world={world}", **frame)
    seen = {}

    for address in list_addresses(served, world):
        page.goto(address)
        page.evaluate(SHIFTS)
        shown = page.locator("#status time")
        before = str(shown.get_attribute("datetime"))
        steer_world(served, world, "clock/advance", seconds=1)
        expect(shown).not_to_have_attribute("datetime", before)
        seen[address] = float(page.evaluate("window.shifted"))

    assert {path: shift for path, shift in seen.items() if shift >= STILL} == {}
