"""A client of Smsclouds V3, with httpx2 and asyncio.  Copy it."""

from asyncio import Lock, sleep
from typing import Any, Self

import httpx2


class Refused(Exception):
    """The platform said no; nothing was sent and nothing was paid."""


class Unanswered(Exception):
    """No usable answer came: look before you send anything again."""


class Smsclouds:
    """One account, with no other sender: see ``send``."""

    def __init__(self, url: str, token: str, *, pause: float = 30) -> None:
        self._http = httpx2.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        self._pause = pause  # seconds until the platform is done with what it was asked
        self._one_at_a_time = Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._http.aclose()

    async def send(
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
        async with self._one_at_a_time:
            credit = await self.credit()
            for _ in range(3):
                try:
                    placed = await self._ask("POST", "/api/v3/campaign", order)
                    return int(placed["campaign"])
                except Unanswered:
                    await sleep(self._pause)
                    if await self.credit() != credit:
                        return None
        message = "nothing was sent: the platform fails"
        raise Unanswered(message)

    async def credit(self) -> float:
        return float((await self._ask("GET", "/api/v1/user"))["data"]["credit"])

    async def progress(self, campaign: int) -> tuple[int, dict[str, str]]:
        """Return the percentage that is over, and the status of each cellphone."""
        answer = await self._ask("GET", f"/api/v3/campaign/{campaign}/messages")
        return answer["percentage"], {
            each["cellphone"]: each["status"] for each in answer["data"]
        }

    async def replies(self, since: str) -> list[dict[str, Any]]:
        """Return what was answered since ``2026-03-02 12:00:00``, oldest first."""
        query = {"type": 1, "from": since}
        return list((await self._ask("POST", "/api/v3/responses", query))["results"])

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        try:
            answer = await self._http.request(method, path, json=body)
            content = answer.json()
        except (httpx2.RequestError, ValueError) as error:
            raise Unanswered(str(error)) from error
        if answer.is_server_error:
            raise Unanswered(f"{answer.status_code}: {content}")
        if answer.is_error:
            raise Refused(f"{answer.status_code}: {content['error']['information']}")
        return content
