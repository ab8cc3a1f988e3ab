"""schemathesis finds nothing in the control API either: no wrong type is a 500.

Nothing is dialled: what it makes up are hosts and URLs, too.
"""

import copy
import re
from collections.abc import Mapping
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from starlette.types import ASGIApp

from emulator.network import resolver
from tests.support.emulator import read_control
from tests.test_contract_testing import (
    PHASES,
    Report,
    _note,
    contract_world,
    drawn,
    overlaid,
)

CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "allow_header_conformance",
}
FEW, SOME = 5, 50  # examples an operation


# A parameter that is there and empty is as if it were not (tests/test_journal.py).
EMPTY_PARAMETER = re.compile(r"Schema-violating request accepted[\s\S]*[?&]\w+='$")
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
    tree = copy.deepcopy(read_control().document.tree)
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


async def resolve_nothing(*_arguments: object) -> list[str]:
    """Know no address of any host."""
    message = "nothing is dialled here"
    raise OSError(message)


@pytest.fixture(autouse=True)
def undialled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "resolve_host", resolve_nothing)


def held(report: Report) -> None:
    """Fail unless *report* is of a run that asked everything and found nothing."""
    assert report.findings == [], str(report)
    assert report.troubles == [], str(report)
    assert report.checks.keys() >= CHECKS
    asked = {name for name, _ in report.answers}
    assert asked == read_control().operations.keys() - set(STREAMS)
    assert not any(status >= 500 for _, status in report.answers)


def test_schemathesis_finds_nothing_in_the_control_api() -> None:
    report = examine_control(contract_world(), phases=("fuzzing",), examples=FEW)

    held(report)
    refused = {name for name, status in report.answers if 400 <= status < 500}
    assert len(refused) > len(read_control().operations) / 2


@pytest.mark.tools
def test_schemathesis_finds_no_value_at_the_border_of_the_control_api() -> None:
    report = examine_control(contract_world(), phases=("coverage",))

    held(report)


@pytest.mark.tools
def test_schemathesis_finds_nothing_in_the_control_api_with_a_seed_of_its_own() -> None:
    report = examine_control(
        contract_world(), phases=("fuzzing",), seed=drawn(), examples=FEW
    )

    held(report)


@pytest.mark.soak
def test_schemathesis_finds_nothing_in_the_control_api_with_many_examples() -> None:
    report = examine_control(
        contract_world(), phases=("fuzzing",), seed=drawn(), examples=SOME
    )

    held(report)
