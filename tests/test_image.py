"""The image: built here, run here, and looked at.

``tools.image`` finds out how; where podman cannot run, what the stages' commands put
into a virtual environment is run instead.
"""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.client import Emulator
from tests.support.processes import ROOT, keep_busy, require_tool, skip_unable
from tests.test_packaging import PROJECT
from tools import sbom
from tools.image import Built, Image, Installed, built, installed

MOST = 30e6  # octets, compressed, over the base
EVERYWHERE = "0.0.0.0"  # noqa: S104 - a container calls from outside
INSTALLED = """
from importlib.metadata import distributions
for each in distributions():
    print(f"{each.name}=={each.version}")
"""

Told = Callable[[str, object], None]

pytestmark = [pytest.mark.tools, pytest.mark.timeout(1200)]  # it may be built first


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with built() as image:
        yield image


@pytest.fixture
def facts(image: Image) -> Any:
    """Return what podman knows of the image."""
    if not isinstance(image, Built):
        skip_unable("podman", image.way)
    return image.facts()


def test_it_is_small(image: Image, record_property: Told) -> None:
    octets = image.octets()

    record_property("told", f"image: {image.way}: {octets / 1e6:.1f} MB over its base")
    assert octets < MOST


def test_a_signal_ends_it_with_0_whatever_is_open(image: Image) -> None:
    with (
        image.running({}) as running,
        keep_busy(
            running.http, running.smpp, ours=(EVERYWHERE, 0), seen_as=running.seen_as
        ),
    ):
        assert running.is_healthy()
        assert running.stop() == 0


def test_it_takes_its_settings_from_the_environment(image: Image) -> None:
    settings = {
        "EMULATOR_CLOCK": "2026-01-31T12:00:00Z",
        "EMULATOR_SEED": "77",
        "EMULATOR_STRICT": "true",
    }
    with (
        image.running(settings) as running,
        Emulator(f"http://{running.http[0]}:{running.http[1]}") as emulator,
    ):
        facts = emulator.info

        assert facts.seed == 77
        assert facts.now == "2026-01-31T12:00:00.000000Z"
        assert emulator.clock.rate == 0


def test_it_reads_its_own_files_from_a_cache(image: Image) -> None:
    started = (
        "import sys; from emulator.serving import composition, settings; "
        "composition.build_program(settings.Settings())"
    )

    assert image.python(f"{started}; print('yaml' in sys.modules)") == "False"


def test_it_runs_as_a_number_and_has_a_place_for_its_data(facts: Any) -> None:
    config = facts["Config"]

    assert config["User"] == "10001:10001"
    assert config["Volumes"] == {"/data": {}}
    assert config["Entrypoint"] == ["smsclouds-emulator"]
    assert config["ExposedPorts"].keys() == {"7672/tcp", "2775/tcp"}
    assert facts["Healthcheck"]["Test"] == ["CMD", "smsclouds-emulator", "healthcheck"]


def test_its_data_belongs_to_its_user_and_nothing_else_can_be_written(
    image: Image, facts: Any
) -> None:
    assert facts
    tried = """
import os
from pathlib import Path
Path("/data/x").touch()
places = ("/", "/opt/emulator", "/etc", "/var/lib")
print(os.getuid(), *[each for each in places if os.access(each, os.W_OK)])
"""
    assert image.python(tried) == "10001"


def test_its_labels_agree_with_the_project(facts: Any) -> None:
    project = PROJECT["project"]
    labels = {
        name.removeprefix("org.opencontainers.image."): text
        for name, text in facts["Labels"].items()
    }

    assert labels["title"] == project["name"]
    assert labels["description"] == project["description"]
    assert labels["version"] == project["version"]
    assert labels["licenses"] == project["license"]


def test_hadolint_has_nothing_to_say() -> None:
    done = subprocess.run(
        [require_tool("hadolint"), "Dockerfile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("", 0)


# --- What is in it -------------------------------------------------------------------


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Run the stages' commands in a clean virtual environment."""
    return installed(tmp_path_factory.mktemp("image"))


def test_the_stages_commands_run_without_podman_too(clean: Installed) -> None:
    with clean.running({}) as running, keep_busy(running.http, running.smpp):
        assert running.is_healthy()
        assert running.stop() == 0


def test_the_bill_of_materials_is_valid_and_lists_what_is_shipped(
    clean: Installed, tmp_path: Path
) -> None:
    tool = require_tool("cyclonedx-py")
    bill = tmp_path / "sbom.json"

    sbom.write(clean, bill, tool=tool)

    valid = """
import sys
from pathlib import Path
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
print(JsonStrictValidator(SchemaVersion.V1_6).validate_str(Path(sys.argv[1]).read_text()))
"""
    python = tool.resolve().with_name("python")
    command = [str(python), "-c", valid, str(bill)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "None\n"
    document = json.loads(bill.read_text("utf-8"))
    listed = {each["name"]: each["version"] for each in document["components"]}
    shipped = dict(each.split("==") for each in clean.python(INSTALLED).split())
    ours = shipped.pop(PROJECT["project"]["name"])
    assert listed == shipped
    assert document["metadata"]["component"]["version"] == ours
    assert "pytest" not in listed


def test_make_sbom_takes_the_tool_that_the_tests_take() -> None:
    pinned = (ROOT / "tests/contract_tools/requirements.txt").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")

    (tool,) = re.findall(r"^CYCLONEDX := (.*)$", makefile, re.MULTILINE)
    assert tool in pinned.splitlines()
