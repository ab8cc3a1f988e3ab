"""The emulator under schemathesis: its engine in this process, what it saw as values.

``schemathesis.toml`` says how; a test may add to it.
"""

import copy
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import StopReason, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.specs.openapi.schemas import OpenApiSchema
from starlette.types import ASGIApp

from emulator.serving.composition import build_program
from emulator.serving.settings import Settings
from tests.emulated import START, control

ROOT = Path(__file__).resolve().parent.parent
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


# The control API has no tokens of its own, refuses by the state of a world what its
# schemas admit, and its streams have no end.
CONTROL_SETTINGS: Mapping[str, Any] = {
    "continue-on-failure": True,
    "workers": 1,
    "cache": {"enabled": False},
    "generation": {"deterministic": True, "database": "none"},
    "checks": {
        "positive_data_acceptance": {"enabled": False},
        "unsupported_method": {"enabled": False},  # an aim of openapi.yaml alone
        "negative_data_rejection": {"expected-statuses": ["4xx"]},
    },
}
# A parameter that is there and empty is as if it were not (tests/test_journal.py).
EMPTY_PARAMETER = re.compile(r"Schema-violating request accepted[\s\S]*[?&]\w+='$")
STREAMS = ("streamEvents", "streamChanges", "streamPushes")
WAITS = ("waitForDeliveries", "waitForExchanges")
CONTROL_OPERATIONS = [
    {"include-operation-id": [*STREAMS], "enabled": False},
    # What is right is waited for by the clock of the wall.
    {"include-operation-id": [*WAITS], "generation": {"mode": "negative"}},
]


def examine_control(
    app: ASGIApp,
    *,
    phases: tuple[str, ...],
    seed: int | None = None,
    examples: int = 1,
) -> Report:
    """Run schemathesis over the control API of *app*, which is called in memory."""
    config = overlaid(CONTROL_SETTINGS, {"generation": {"max-examples": examples}})
    if seed is not None:
        config |= {"seed": seed}
        config["generation"]["deterministic"] = False
    config["operations"] = CONTROL_OPERATIONS
    config["phases"] = {each: {"enabled": each in phases} for each in PHASES}
    tree = copy.deepcopy(control().document.tree)
    schema = schemathesis.openapi.from_dict(
        tree, config=SchemathesisConfig.from_dict(config)
    )
    schema.app = app
    schema.config.update(base_url="http://localhost")
    report = Report(seed)
    for event in from_schema(schema).execute():
        _note(event, report)
    report.findings = [
        each for each in report.findings if not EMPTY_PARAMETER.search(each.message)
    ]
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
