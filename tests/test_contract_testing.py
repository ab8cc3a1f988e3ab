"""schemathesis finds nothing: all checks, all phases, in process and over HTTP."""

import os
import subprocess
import sys
from itertools import count
from random import SystemRandom

import pytest
from starlette.applications import Starlette

from emulator.app import build
from emulator.settings import Settings
from tests.emulated import START, contract
from tests.fuzzed import PHASES, ROOT, examine
from tests.served import serve

# `st explain ST202` tells what each of them is after.
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

# A strict world also refuses what no schema can say: recipients that do not carry the
# same fields, a text that grows over its limit when merged, a sender of somebody else's.
RULES = {"expected-statuses": ["2xx", "404", "422"]}
STRICT = {"checks": {"positive_data_acceptance": RULES}}

SECONDS = 300  # no run takes a third of it


def contract_world(*, strict: bool = False) -> Starlette:
    """Return the program with ``--world contract``, its clock at a fixed instant."""
    return build(Settings(world="contract", clock=START.isoformat(), strict=strict))


def drawn() -> int:
    """Return a seed that nobody has chosen: another one each time.

    ``CONTRACT_SEED=...`` repeats a run that failed.
    """
    chosen = os.environ.get("CONTRACT_SEED")
    return int(chosen) if chosen else SystemRandom().getrandbits(64)


@pytest.fixture(scope="module")
def report() -> Report:
    return examine(contract_world())
