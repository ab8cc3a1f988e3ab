"""A client of Smsclouds V3, with requests.  Copy it."""

from time import sleep
from typing import Any

import requests


class Refused(Exception):
    """The platform said no; nothing was sent and nothing was paid."""


class Unanswered(Exception):
    """No usable answer came: look before you send anything again."""


class Smsclouds:
    """One account, which one sender at a time uses: see ``send``."""

    def __init__(self, url: str, token: str, *, pause: float = 30) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._pause = pause  # seconds until the platform is done with what it was asked

    def send(
        self, text: str, cellphones: list[str], name: str, route: int = 87
    ) -> int | None:
        """Send once, whatever happens on the way; return the campaign's number.

        The platform knows no idempotency key, but it charges a campaign when it takes
        it.  So the credit tells what became of an order without an answer: where it is
        what it was, the order was not taken and is sent again.  Where it is not, the
        number stays unknown (None); replies come with the campaign's *name*.
        """
        order = {
            "text": text,
            "recipients": [{"cellphone": each} for each in cellphones],
            "campaign_name": name,
            "route": route,
        }
        credit = self.credit()
        for _ in range(3):
            try:
                return int(self._ask("POST", "/api/v3/campaign", order)["campaign"])
            except Unanswered:
                sleep(self._pause)
                if self.credit() != credit:
                    return None
        message = "nothing was sent: the platform fails"
        raise Unanswered(message)

    def credit(self) -> float:
        return float(self._ask("GET", "/api/v1/user")["data"]["credit"])

    def progress(self, campaign: int) -> tuple[int, dict[str, str]]:
        """Return the percentage that is over, and the status of each cellphone."""
        answer = self._ask("GET", f"/api/v3/campaign/{campaign}/messages")
        return answer["percentage"], {
            each["cellphone"]: each["status"] for each in answer["data"]
        }

    def replies(self, since: str) -> list[dict[str, Any]]:
        """Return what was answered since ``2026-03-02 12:00:00``, oldest first."""
        found = self._ask("POST", "/api/v3/responses", {"type": 1, "from": since})
        return list(found["results"])

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        try:
            answer = self._session.request(
                method, self._url + path, json=body, timeout=60
            )
            content = answer.json()
        except requests.RequestException as error:  # JSONDecodeError is one
            raise Unanswered(str(error)) from error
        if answer.status_code >= 500:
            raise Unanswered(f"{answer.status_code}: {content}")
        if not answer.ok:
            raise Refused(f"{answer.status_code}: {content['error']['information']}")
        return content
