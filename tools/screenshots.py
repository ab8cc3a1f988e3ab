"""Take the pictures of the README: ``make screenshots``.

A world that has been filled stands still at a noon, so that, but for ports, the
pictures change only where the panel does.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import Any

from playwright.sync_api import Browser

from tests.support.browser import open_chromium
from tests.support.processes import ServedEmulator, serve_emulator
from tests.support.servers import run_receiver
from tests.support.smpp import SmppSocket, get_response_id, pack_pdu, pack_text

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
NOON = "2026-03-02T18:00:00Z"
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}
CAMPAIGN = "/api/v3/campaign"
WHO = "5512345678"
PARCELS = {
    "5587654321": b"Su pedido 4711 ya va en camino.",
    "5511223344": b"Su pedido 4712 ya va en camino.",
}

# What is shown: the file's name, the path, and how the browser is.
PICTURES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("phones", f"/?with={WHO}", {}),
    ("phones-dark", f"/?with={WHO}", {"color_scheme": "dark"}),
    ("phone", f"/?with={WHO}", {"viewport": PHONE, "locale": "es-MX"}),
    ("campaigns", "/panel/campaigns", {}),
    ("campaign", "/panel/campaign?channel=sms&campaign=8528239", {}),
    ("request", "/panel/request?number=4", {}),
    ("requests", "/panel/requests", {"color_scheme": "dark"}),
    ("deliveries", "/panel/deliveries", {}),
    ("smpp", "/panel/smpp", {}),
    ("faults", "/panel/faults", {}),
    ("clock", "/panel/clock", {}),
    ("account", "/panel/account", {}),
)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with (
        serve_emulator("--clock", NOON) as served,
        run_receiver() as server,
        open_chromium() as browser,
    ):
        push = json.dumps({"push_url": f"{server.url}/respuestas"})
        served.ask("PATCH", "/_emulator/account", push)
        live(served)
        with bound(served):
            for name, path, options in PICTURES:
                take(browser, served.url + path, FOLDER / f"{name}.png", options)
                print(FOLDER / f"{name}.png")


def live(served: ServedEmulator) -> None:
    """Let enough happen that every page has something to show."""
    steer(served, "world/populate", {"campaigns": 34, "recipients": 400})
    someone = [{"cellphone": WHO, "name": "Guadalupe Rios"}]
    letters = {
        "text": "Hola <+B+>, su cita es manana a las 10:30. Responda SI.",
        "recipients": someone,
        "route": 170,
        "campaign_name": "Recordatorio de cita",
    }
    ask(served, letters)
    steer(served, "clock/advance", {"seconds": 95})
    steer(
        served,
        "inbound",
        {"number": WHO, "text": "SI, gracias. Puedo llegar a las 11?"},
    )
    steer(served, "deliveries/wait", {"state": "delivered"})
    steer(served, "clock/advance", {"seconds": 240})
    ask(served, {**letters, "text": "Claro, <+B+>: la esperamos a las 11."})
    ask(served, {**letters, "scheduledDate": "2026-03-03 09:00:00"})
    ask(served, {"text": "hola", "recipients": [{"cellphone": "55123"}], "route": 170})
    steer(served, "faults", {"preset": "paid-but-500"})
    ask(served, letters)
    steer(served, "clock/advance", {"seconds": 20})


@contextmanager
def bound(served: ServedEmulator) -> Iterator[None]:
    """Have somebody bound who sends two messages and gets their receipts."""
    where = served.ask("GET", "/_emulator/smpp").body
    with SmppSocket(where["host"], where["port"]) as client:
        client.bind(where["system_id"], where["password"])
        for number, text in PARCELS.items():
            client.submit(number, text, registered=1)
        taking = Thread(target=take_receipts, args=(client,))
        taking.start()
        steer(served, "clock/advance", {"seconds": 20})
        taking.join()
        yield


def take_receipts(client: SmppSocket) -> None:
    for _ in PARCELS:
        receipt = client.hear()
        response = get_response_id(receipt.command)
        client.say(pack_pdu(response, receipt.sequence, pack_text("")))


def ask(served: ServedEmulator, body: Any) -> None:
    served.ask("POST", CAMPAIGN, json.dumps(body))


def steer(served: ServedEmulator, path: str, body: Any) -> None:
    answer = served.ask("POST", f"/_emulator/{path}", json.dumps(body))
    if answer.status != HTTPStatus.OK:
        message = f"{path}: {answer.octets!r}"
        raise SystemExit(message)


def take(browser: Browser, url: str, path: Path, options: dict[str, Any]) -> None:
    still = {"viewport": WIDE, "reduced_motion": "reduce", **options}
    context = browser.new_context(**still)
    page = context.new_page()
    page.goto(url, wait_until="load")
    page.locator("main").wait_for()
    page.screenshot(path=path, animations="disabled")
    context.close()


if __name__ == "__main__":
    main()
