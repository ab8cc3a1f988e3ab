"""The contract in the hands of other people's tools.

Linters find nothing, generators make clients for the languages of the manual, and a
mock server that knows the contract alone answers as the contract says.
"""

import http.client
import json
import os
import select
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
import yaml
from openapi_spec_validator import validate

from tests.support.processes import require_tool

ROOT = Path(__file__).resolve().parent.parent
OPENAPI = ROOT / "openapi.yaml"
MANUAL = ROOT / "fixtures" / "manual"
SECONDS = 300  # no tool takes a tenth of it

QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def run(name: str, *arguments: str | Path, cwd: Path = ROOT) -> None:
    """Run a tool, with its neighbours on the PATH; it must end well."""
    tool = require_tool(name)
    path = os.pathsep.join([str(tool.parent), os.environ["PATH"]])
    done = subprocess.run(
        [tool, *arguments],
        cwd=cwd,
        env=os.environ | QUIET | {"PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(OPENAPI.read_text("utf-8"))
    return loaded


def manual(name: str) -> Any:
    """Return the body of the request in one of the manual's examples."""
    example = json.loads((MANUAL / f"{name}.json").read_text("utf-8"))
    return example["request"]["body"]


def test_the_contract_is_an_openapi_document(document: dict[str, Any]) -> None:
    validate(document)


@pytest.mark.tools
def test_redocly_finds_nothing() -> None:
    run("redocly", "lint", OPENAPI, "--max-problems", "1000")


@pytest.mark.tools
def test_spectral_finds_nothing() -> None:
    rules = ROOT / ".spectral.yaml"
    run("spectral", "lint", OPENAPI, "--ruleset", rules, "--fail-severity", "hint")


@pytest.mark.tools
def test_openapi_python_client_makes_a_client(tmp_path: Path) -> None:
    client = tmp_path / "client"
    arguments = ("--path", OPENAPI, "--output-path", client, "--meta", "none")
    run("openapi-python-client", "generate", *arguments, "--fail-on-warning")

    assert (client / "models" / "campaign_request.py").exists()


@pytest.mark.tools
@pytest.mark.parametrize("language", ["php", "java", "csharp", "typescript-fetch"])
def test_openapi_generator_makes_a_client(language: str, tmp_path: Path) -> None:
    require_tool("java")
    arguments = ("-i", OPENAPI, "-g", language, "-o", tmp_path)
    run("openapi-generator-cli", "generate", *arguments)

    assert list(tmp_path.rglob("CampaignRequest.*"))


@pytest.mark.tools
def test_typescript_takes_the_requests_of_the_manual(tmp_path: Path) -> None:
    requests = {
        "CampaignRequest": manual("campaign-json"),
        "ClicCampaignRequest": manual("smsclic-json"),
        "ResponseQuery": manual("responses-json"),
        "EmailRequest": manual("email-csharp"),
        "VoiceRequest": manual("voice-csharp"),
    }
    lines = ['import type { components } from "./contract";']
    lines += [
        f'export const a{name}: components["schemas"]["{name}"] = {json.dumps(body)};'
        for name, body in requests.items()
    ]
    (tmp_path / "requests.ts").write_text("\n".join(lines), "utf-8")

    contract = tmp_path / "contract.ts"
    run("openapi-typescript", OPENAPI, "-o", contract, "--default-non-nullable=false")
    run("tsc", "--strict", "--noEmit", "requests.ts", cwd=tmp_path)


@pytest.fixture
def prism() -> Iterator[http.client.HTTPConnection]:
    """Start Prism, which serves the contract without our code, and connect to it."""
    tool = require_tool("prism")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command: list[str | Path] = [
        tool,
        "mock",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        OPENAPI,
    ]
    with subprocess.Popen(
        command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as server:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            wait_until_it_listens(server)
            yield connection
        finally:
            connection.close()
            server.terminate()
            server.wait(timeout=30)


def wait_until_it_listens(server: subprocess.Popen[bytes]) -> None:
    assert server.stdout
    said = b""
    while b"listening" not in said:
        ready, _, _ = select.select([server.stdout], [], [], 30)
        line = server.stdout.readline() if ready else b""
        assert line, f"Prism did not start: {said.decode()}"
        said += line


class Exchange(NamedTuple):
    """A request, and the status and the schema of what must come back."""

    method: str
    path: str
    status: int
    schema: str
    body: Any = None
    token: str | None = "demo"


EXCHANGES = (
    Exchange("GET", "/api/v1/user", 200, "UserEnvelope"),
    Exchange("GET", "/api/v1/user", 401, "ApiError", token=None),
    Exchange(
        "POST", "/api/v3/campaign", 200, "CampaignCreated", manual("campaign-json")
    ),
    Exchange(
        "POST",
        "/api/v3/campaign",
        422,
        "ApiError",
        {**manual("campaign-json"), "text": "a" * 161},
    ),
    Exchange("GET", "/api/v3/campaign/8528381/messages", 200, "CampaignMessages"),
    Exchange(
        "POST", "/api/v3/responses", 200, "ResponseList", manual("responses-json")
    ),
    Exchange("POST", "/api/v3/voice", 200, "VoiceCreated", manual("voice-csharp")),
    Exchange("POST", "/api/v3/voice", 401, "ApiError", manual("voice-csharp"), None),
    Exchange("GET", "/api/v3/hlr/4498987282", 200, "HlrResult"),
)


@pytest.mark.tools
def test_prism_answers_as_the_contract_says(
    prism: http.client.HTTPConnection, document: dict[str, Any]
) -> None:
    for asked in EXCHANGES:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if asked.token:
            headers["Authorization"] = f"Bearer {asked.token}"
        body = None if asked.body is None else json.dumps(asked.body)
        prism.request(asked.method, asked.path, body, headers)
        answer = prism.getresponse()
        content = json.loads(answer.read())

        assert answer.status == asked.status, (asked, content)
        schema = {"$ref": f"#/components/schemas/{asked.schema}"}
        components = {"components": document["components"]}
        jsonschema_rs.Draft202012Validator(schema | components).validate(content)
