"""A client such as an application has.  It knows nothing of the emulator."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen


class SmsError(Exception):
    """The platform said no."""

    def __init__(self, status: int, retry_after: str | None) -> None:
        super().__init__(f"refused with {status}")
        self.status = status
        self.retry_after = retry_after


class MyClient:
    """Sends messages.  After a failure it sends again only if nothing was paid."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def send(self, text: str, *, to: str, **options: Any) -> int:
        """Send a message and return its campaign, 0 where that was not told."""
        recipients = [{"cellphone": to}]
        order = {"text": text, "recipients": recipients, "route": 87, **options}
        credit = self.credit()
        try:
            return self._placed(order)
        except SmsError as error:
            if error.status < 500:
                raise
        except OSError:
            pass
        return 0 if self.credit() < credit else self._placed(order)

    def credit(self) -> float:
        return float(self.ask("GET", "/api/v1/user")["data"]["credit"])

    def status(self, campaign: int) -> str:
        """Return what became of the only message of a campaign."""
        answer = self.ask("GET", f"/api/v3/campaign/{campaign}/messages")
        return str(answer["data"][0]["status"])

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
        }
        request = Request(self._url + path, content, headers, method=method)
        try:
            with urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except HTTPError as error:
            with error:
                retry_after = error.headers["Retry-After"]
                raise SmsError(error.code, retry_after) from None

    def _placed(self, order: Any) -> int:
        return int(self.ask("POST", "/api/v3/campaign", order)["campaign"])
