"""schemathesis finds nothing: all checks, all phases, in process and over HTTP."""

import os
import subprocess
import sys
from random import SystemRandom

import pytest

from tests.emulated import contract
from tests.fuzzed import PHASES, ROOT, Report, contract_world, examine
from tests.served import serve

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
    assert accepted == contract().operations.keys()


def test_schemathesis_finds_nothing_in_process() -> None:
    report = examine(contract_world(), examples=SOME)

    held(report)


def test_schemathesis_finds_nothing_in_a_strict_world() -> None:
    report = examine(contract_world(strict=True), examples=SOME, settings=STRICT)

    held(report)


@pytest.mark.tools
def test_schemathesis_finds_nothing_on_a_served_port() -> None:
    with serve("--world", "contract") as served:
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
    with serve("--world", "contract") as served:
        report = examine(served.url, seed=drawn(), examples=MANY)

    held(report)
