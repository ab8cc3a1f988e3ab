"""Admission to the control API where a secret is set."""

from hmac import compare_digest

from emulator.web.http_request import RequestHeaders

SECRET_HEADER, SECRET_COOKIE = (
    "X-Emulator-Control",
    "emulator_control",
)  # that carry the secret


class SecretGuard:
    """The control secret, if there is one."""

    def __init__(self, secret: str | None) -> None:
        self._secret = secret.encode() if secret else b""

    def allows_request(self, headers: RequestHeaders) -> bool:
        """Return whether a request carries the secret, or needs none."""
        if not self._secret:
            return True
        sent = [
            headers.get(SECRET_HEADER.lower().encode(), b""),
            *_read_cookies(headers),
        ]
        return any([self.is_secret(each) for each in sent])  # noqa: C419 - all of them

    def is_secret(self, octets: bytes) -> bool:
        """Return whether *octets* are the secret, compared in constant time."""
        return compare_digest(octets, self._secret)


def _read_cookies(headers: RequestHeaders) -> list[bytes]:
    pairs = (
        pair.strip().partition(b"=") for pair in headers.get(b"cookie", b"").split(b";")
    )
    return [value for name, _, value in pairs if name == SECRET_COOKIE.encode()]
