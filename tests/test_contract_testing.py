"""schemathesis finds nothing in the emulator, and what is wrong in nine broken ones.

All checks, all phases, in this process and over HTTP; ``schemathesis.toml`` says how,
and a test may add to it.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import StopReason, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.specs.openapi.schemas import OpenApiSchema
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emulator.serving.composition import build_program
from emulator.serving.settings import Settings
from tests.support.emulator import START, Answer, read_contract
from tests.support.processes import ROOT, serve_emulator

SETTINGS = ROOT / "schemathesis.toml"
PHASES = ("examples", "coverage", "fuzzing", "stateful")


@dataclass(frozen=True)
class Finding:
    """One way in which an answer broke the contract."""

    code: str  # ST402; `st explain ST402` tells more
    operation: str  # GET /api/v1/user
    message: str


@dataclass
class Report:
    """What a run of schemathesis did and found."""

    seed: int | None  # None where everything was drawn deterministically
    cases: Counter[str] = field(default_factory=Counter)  # by phase
    checks: Counter[str] = field(default_factory=Counter)  # by name
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)  # by operationId
    findings: list[Finding] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)  # of schemathesis itself

    @property
    def codes(self) -> set[str]:
        return {finding.code for finding in self.findings}

    def __str__(self) -> str:
        """Return what a person needs to see what is wrong, and to see it again."""
        findings = {(each.code, each.operation): each for each in self.findings}
        lines = [
            f"{each.code} {each.operation}: {each.message}"
            for each in findings.values()
        ]
        again = "" if self.seed is None else f"repeat with CONTRACT_SEED={self.seed}"
        return "\n\n".join([again, *lines, *self.troubles])


def contract_world(*, strict: bool = False) -> ASGIApp:
    """Return the program with ``--world contract``; its clock stands at ``START``."""
    return build_program(
        Settings(world="contract", clock=START.isoformat(), strict=strict)
    )


def examine(  # noqa: PLR0913 - what a run may be restricted to
    target: ASGIApp | str,
    *,
    seed: int | None = None,
    examples: int | None = None,
    phases: tuple[str, ...] = PHASES,
    operations: tuple[str, ...] = (),
    settings: Mapping[str, Any] | None = None,
) -> Report:
    """Run schemathesis with all its checks against *target* and return what it found.

    *target* is an application, which is called in memory, or the URL of a served one;
    *seed* draws other cases than those of every day; *examples* is how many for each
    operation; *phases* and *operations* (ids) restrict; *settings* overlay
    ``schemathesis.toml``.
    """
    config = overlaid(_settings(), settings or {})
    config["generation"] |= {} if examples is None else {"max-examples": examples}
    if seed is not None:
        config |= {"seed": seed}
        config["generation"]["deterministic"] = False
    if operations:
        others = {"exclude-operation-id": list(operations), "enabled": False}
        config["operations"].append(others)
    for phase in PHASES:
        config["phases"].setdefault(phase, {})["enabled"] = phase in phases
    schema = _schema(target, SchemathesisConfig.from_dict(config))
    report = Report(seed)
    for event in from_schema(schema).execute():
        _note(event, report)
    return report


def _schema(target: ASGIApp | str, config: SchemathesisConfig) -> OpenApiSchema:
    if isinstance(target, str):
        url = f"{target}/openapi.json"
        return schemathesis.openapi.from_url(url, config=config)
    return schemathesis.openapi.from_asgi("/openapi.json", target, config=config)


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of *below* with what *above* says instead or adds."""
    both = dict(below)
    for name, value in above.items():
        table = isinstance(value, Mapping) and isinstance(both.get(name), Mapping)
        both[name] = overlaid(both[name], value) if table else value
    return both


def _settings() -> dict[str, Any]:
    settings = tomllib.loads(SETTINGS.read_text("utf-8"))
    accounts = settings["auth"]["wfc"]
    accounts["path"] = str(ROOT / accounts["path"])  # wherever pytest was started
    return settings


def _note(event: events.EngineEvent, report: Report) -> None:
    if isinstance(event, events.ScenarioFinished):
        recorder = event.recorder
        report.cases[event.phase.value] += len(recorder.cases)
        report.findings.extend(_findings(recorder, report))
        for case, interaction in recorder.interactions.items():
            if interaction.response is not None:
                operation = recorder.cases[case].value.operation
                name = operation.definition.raw["operationId"]
                report.answers[name, interaction.response.status_code] += 1
    elif isinstance(event, events.NonFatalError):
        report.troubles.append(f"{event.label}: {event.info.message}")
    elif isinstance(event, events.FatalError):
        raise event.exception
    elif isinstance(event, events.EngineFinished) and not _completed(event):
        report.troubles.append(f"stopped early: {event.stop_reason}")


def _completed(event: events.EngineFinished) -> bool:
    return event.stop_reason is StopReason.COMPLETED


def _findings(recorder: ScenarioRecorder, report: Report) -> Iterator[Finding]:
    for case, checks in recorder.checks.items():
        for check in checks:
            report.checks[check.name] += 1
            if check.failure_info is not None:
                failure = check.failure_info.failure
                label = recorder.cases[case].value.operation.label
                sample = check.failure_info.code_sample
                yield Finding(failure.code, label, f"{failure}\n{sample}")


# --- What it finds ------------------------------------------------------------------

# `st explain` tells what each of them is after.
CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
    "object_level_authorization",
}

# A strict world refuses more than a schema can say: recipients that do not carry the
# same fields, a text that outgrows its limit when merged, a sender of somebody else's.
RULES = {"expected-statuses": ["2xx", "404", "422"]}
STRICT = {"checks": {"positive_data_acceptance": RULES}}

FEW, SOME, MANY = 5, 10, 500  # examples an operation
SECONDS = 300  # no run of the command takes a tenth of it

both_modes = pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])


def drawn() -> int:
    """Return a seed that nobody has chosen: another one each time.

    ``CONTRACT_SEED=...`` repeats a run that failed.
    """
    chosen = os.environ.get("CONTRACT_SEED")
    return int(chosen) if chosen else SystemRandom().getrandbits(64)


def held(report: Report) -> None:
    """Fail unless *report* is of a run that looked everywhere and found nothing."""
    assert report.findings == [], str(report)
    assert report.troubles == [], str(report)
    assert report.checks.keys() == CHECKS
    assert all(report.cases[phase] for phase in PHASES), report.cases
    accepted = {name for name, status in report.answers if status == 200}
    assert accepted == read_contract().operations.keys()


def test_schemathesis_finds_nothing_in_process() -> None:
    report = examine(contract_world(), examples=SOME)

    held(report)


def test_schemathesis_finds_nothing_in_a_strict_world() -> None:
    report = examine(contract_world(strict=True), examples=SOME, settings=STRICT)

    held(report)


@pytest.mark.tools
def test_schemathesis_finds_nothing_on_a_served_port() -> None:
    with serve_emulator("--world", "contract") as served:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli"),
                *("run", f"{served.url}/openapi.json", "--no-color"),
            ],
            cwd=ROOT,  # where schemathesis.toml is
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )

    assert done.returncode == 0, done.stdout
    assert "No issues found" in done.stdout


@pytest.mark.tools
@both_modes
def test_schemathesis_finds_nothing_with_a_seed_of_its_own(*, strict: bool) -> None:
    settings = STRICT if strict else {}

    report = examine(
        contract_world(strict=strict), seed=drawn(), examples=FEW, settings=settings
    )

    assert report.findings == [], str(report)
    assert report.troubles == [], str(report)


@pytest.mark.soak
@both_modes
@pytest.mark.parametrize("_run", range(3))
def test_schemathesis_finds_nothing_with_many_examples(
    _run: int, *, strict: bool
) -> None:
    settings = STRICT if strict else {}

    report = examine(
        contract_world(strict=strict), seed=drawn(), examples=MANY, settings=settings
    )

    held(report)


@pytest.mark.soak
def test_schemathesis_finds_nothing_with_many_examples_on_a_served_port() -> None:
    with serve_emulator("--world", "contract") as served:
        report = examine(served.url, seed=drawn(), examples=MANY)

    held(report)


# --- What it would find: nine emulators, each broken in one place ---------------------
#
# Each is the real application with something in front of it that spoils one kind of
# request or answer, as a mistake in the program would.

Requests = Callable[[Scope], Scope]
Answers = Callable[[Scope, Answer], Answer]

TOKEN = re.compile(b"^Bearer (?P<token>.+)$")
BALANCE = re.compile(rb'"balance":([0-9.-]+)')
OWNED = re.compile(r"^/api/v3/(campaign/[0-9]+/messages|voice/[0-9]+)$")


@dataclass(frozen=True)
class Mutant:
    """A mistake, the code of the check that has to find it, and where it shows."""

    mistake: str
    code: str
    phase: str
    operations: tuple[str, ...]
    request: Requests = lambda scope: scope
    answer: Answers = lambda _scope, answer: answer

    def of(self, app: ASGIApp) -> ASGIApp:
        """Return *app* with this mistake in it."""

        async def broken(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            sent: list[Message] = []

            async def keep(message: Message) -> None:
                sent.append(message)

            await app(self.request(scope), receive, keep)
            for message in _messages(self.answer(scope, _answer(sent))):
                await send(message)

        return broken


# --- Requests that are let in, or lead elsewhere ------------------------------------


def anybodys_campaigns(scope: Scope) -> Scope:
    """Read campaigns from one account, for any token."""
    known = _token(scope) == b"world-neighbour"
    return _with_token(scope, b"contract") if known and _is_owned(scope) else scope


def any_token(scope: Scope) -> Scope:
    """Take every token for a good one."""
    return scope if _token(scope) is None else _with_token(scope, b"contract")


def lost_campaigns(scope: Scope) -> Scope:
    """Look for campaigns where there are none."""
    if not _is_owned(scope):
        return scope
    return {**scope, "path": re.sub(r"[0-9]{2,}", "1", scope["path"])}


# --- Answers that are not what the contract describes -------------------------------


def created(scope: Scope, answer: Answer) -> Answer:
    made = scope["method"] == "POST" and answer.status == 200
    return Answer(201, answer.headers, answer.octets) if made else answer


def page_not_found(_scope: Scope, answer: Answer) -> Answer:
    if answer.status != 404:
        return answer
    headers = {**answer.headers, "content-type": "text/html; charset=utf-8"}
    page = b"<html><body>Not found</body></html>"
    return Answer(404, headers | {"content-length": str(len(page))}, page)


def without_allow(_scope: Scope, answer: Answer) -> Answer:
    return _without(answer, "allow")


def wrong_allow(_scope: Scope, answer: Answer) -> Answer:
    if "allow" not in answer.headers:
        return answer
    headers = {**answer.headers, "allow": "GET, POST, DELETE"}
    return Answer(answer.status, headers, answer.octets)


def without_challenge(_scope: Scope, answer: Answer) -> Answer:
    return _without(answer, "www-authenticate")


def balance_in_quotes(_scope: Scope, answer: Answer) -> Answer:
    octets = BALANCE.sub(rb'"balance":"\1"', answer.octets)
    headers = {**answer.headers, "content-length": str(len(octets))}
    return Answer(answer.status, headers, octets)


READS = ("getUser", "listRoutes")
CAMPAIGNS = ("createCampaign", "getCampaignMessages")
VOICE = ("createVoiceCampaign", "getVoiceCampaign")

MUTANTS = (
    Mutant("account leak", "ST402", "stateful", VOICE, request=anybodys_campaigns),
    Mutant("any token accepted", "ST401", "coverage", READS, request=any_token),
    Mutant("created object lost", "ST302", "stateful", VOICE, request=lost_campaigns),
    Mutant("201 for 200", "ST103", "examples", CAMPAIGNS, answer=created),
    Mutant("404 in HTML", "ST105", "coverage", CAMPAIGNS, answer=page_not_found),
    Mutant("405 without Allow", "ST204", "coverage", READS, answer=without_allow),
    Mutant("wrong Allow", "ST205", "coverage", READS, answer=wrong_allow),
    Mutant("401 unchallenged", "ST107", "coverage", READS, answer=without_challenge),
    Mutant("quoted balance", "ST108", "examples", CAMPAIGNS, answer=balance_in_quotes),
)


def _is_owned(scope: Scope) -> bool:
    return OWNED.match(scope["path"]) is not None


def _token(scope: Scope) -> bytes | None:
    values = dict(scope["headers"])
    match = TOKEN.match(values.get(b"authorization", b""))
    return match["token"] if match else None


def _with_token(scope: Scope, token: bytes) -> Scope:
    headers = [item for item in scope["headers"] if item[0] != b"authorization"]
    headers.append((b"authorization", b"Bearer " + token))
    return {**scope, "headers": headers}


def _without(answer: Answer, header: str) -> Answer:
    headers = {name: each for name, each in answer.headers.items() if name != header}
    return Answer(answer.status, headers, answer.octets)


def _answer(sent: list[Message]) -> Answer:
    return Answer(
        status=sent[0]["status"],
        headers={name.decode(): value.decode() for name, value in sent[0]["headers"]},
        octets=b"".join(message.get("body", b"") for message in sent[1:]),
    )


def _messages(answer: Answer) -> Iterator[Message]:
    headers = [(name.encode(), each.encode()) for name, each in answer.headers.items()]
    start = "http.response.start"
    yield {"type": start, "status": answer.status, "headers": headers}
    yield {"type": "http.response.body", "body": answer.octets}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake)
def test_a_broken_emulator_is_caught_by_the_check_that_is_there_for_it(
    mutant: Mutant,
) -> None:
    report = examine(
        mutant.of(contract_world()),
        examples=SOME,
        phases=(mutant.phase,),
        operations=mutant.operations,
    )

    assert report.codes == {mutant.code}, str(report)


def test_there_are_nine_and_no_two_are_caught_alike() -> None:
    assert len({mutant.code for mutant in MUTANTS}) == len(MUTANTS) == 9
