"""schemathesis finds nothing in the control API either: no wrong type is a 500.

Nothing is dialled: what it makes up are hosts and URLs, too.
"""

import pytest

from emulator.network import resolver
from tests.emulated import control
from tests.fuzzed import STREAMS, Report, contract_world, examine_control
from tests.test_contract_testing import drawn

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
    assert asked == control().operations.keys() - set(STREAMS)
    assert not any(status >= 500 for _, status in report.answers)


def test_schemathesis_finds_nothing_in_the_control_api() -> None:
    report = examine_control(contract_world(), phases=("fuzzing",), examples=FEW)

    held(report)
    refused = {name for name, status in report.answers if 400 <= status < 500}
    assert len(refused) > len(control().operations) / 2


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
