"""The manual's own clients, in PHP and in Java, with another host and another token."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import (
    ROOT,
    ServedEmulator,
    require_tool,
    serve_emulator,
    skip_missing,
)

pytestmark = pytest.mark.tools

CLIENTS = Path(__file__).parent / "clients"
MANUAL = ROOT / "fixtures" / "manual"
JARS = (Path("/usr/share/java/okhttp.jar"), Path("/usr/share/java/okio.jar"))
SECONDS = 60  # Java takes one

# What depends on the account and the day.
OTHERWISE = {"campaign_name", "balance", "scheduled_date", "token_expires"}


@dataclass(frozen=True)
class Client:
    """A program of the manual and the example that it is."""

    program: str
    example: str  # of fixtures/manual

    @property
    def token(self) -> str:
        """The token of a world that is its own, so that its ids are the first."""
        return f"world-{self.program}"

    def printed(self) -> dict[str, Any]:
        """Return the answer that the manual prints for it."""
        example = json.loads((MANUAL / f"{self.example}.json").read_text("utf-8"))
        body: dict[str, Any] = example["response"]["body"]
        return body

    def __str__(self) -> str:
        return self.program


PHP = (
    Client("send_campaign.php", "campaign-php"),
    Client("send_email.php", "email-php"),
    Client("send_voice.php", "voice-php"),
)
JAVA = (
    Client("SendCampaign.java", "campaign-java"),
    Client("SendEmail.java", "email-java"),
    Client("SendVoice.java", "voice-csharp"),
)


@pytest.fixture(scope="module", params=["lenient", "strict"])
def served(request: pytest.FixtureRequest) -> Iterator[ServedEmulator]:
    with serve_emulator(f"--{request.param}") as running:
        yield running


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the Java clients' classes are."""
    compiler, classes = require_tool("javac"), tmp_path_factory.mktemp("classes")
    for jar in JARS:
        if not jar.exists():
            skip_missing(jar.name)
    sources = [CLIENTS / client.program for client in JAVA]
    run(compiler, "-cp", classpath(), "-d", classes, *sources)
    return classes


@pytest.mark.manual(
    "SMS-01", "SMS-48", "EML-01", "EML-20", "VOI-01", "VOI-13", "GEN-20"
)
@pytest.mark.parametrize("client", PHP, ids=str)
def test_a_php_client_is_answered_as_the_manual_prints_it(
    client: Client, served: ServedEmulator
) -> None:
    php = require_tool("php")
    if "curl" not in run(php, "-m").split():
        skip_missing("php-curl")

    printed = run(
        php,
        "-d",
        "display_errors=stderr",
        CLIENTS / client.program,
        served=served,
        token=client.token,
    )

    held_to_the_manual(client, printed)


@pytest.mark.manual("SMS-01", "SMS-48", "EML-01", "EML-20", "VOI-01", "VOI-13")
@pytest.mark.parametrize("client", JAVA, ids=str)
def test_a_java_client_is_answered_as_the_manual_prints_it(
    client: Client, served: ServedEmulator, compiled: Path
) -> None:
    java, name = require_tool("java"), Path(client.program).stem

    printed = run(
        java, "-cp", classpath(compiled), name, served=served, token=client.token
    )

    held_to_the_manual(client, printed)


def held_to_the_manual(client: Client, printed: str) -> None:
    """Fail unless a client has *printed* the manual's answer."""
    answer, manual = json.loads(printed), client.printed()
    assert [name for name in answer if name != "token_expires"] == list(manual)
    for name in manual.keys() - OTHERWISE:
        assert answer[name] == manual[name]


def run(
    program: Path,
    *arguments: str | Path,
    served: ServedEmulator | None = None,
    token: str = "",
) -> str:
    """Return what *program* prints; it must end well."""
    there = {"SMSCLOUDS_HOST": served.url, "SMSCLOUDS_TOKEN": token} if served else {}
    done = subprocess.run(
        [program, *arguments],
        env=os.environ | there,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def classpath(*more: Path) -> str:
    return os.pathsep.join(map(str, (*JARS, *more)))
