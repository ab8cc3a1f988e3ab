"""The examples in other languages run against an emulator, each with its own tests.

What needs somebody's CI or Docker is held to its schema, or parsed.
"""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import (
    ROOT,
    ServedEmulator,
    require_tool,
    serve_emulator,
    skip_missing,
)
from tools.examples import EXAMPLES, TABLE, Example

ENOUGH = 7  # what a client has to show, and a platform that keeps failing
SCHEMAS = (
    ("github-actions.yml", "vendor.github-workflows"),
    ("gitlab-ci.yml", "vendor.gitlab-ci"),
)
CONTAINERS = EXAMPLES / "testcontainers"
CHECKED = {"ci", "testcontainers"}  # and not run
SOURCES = {".java", ".js", ".py", ".yml"}


@pytest.fixture(scope="module")
def served() -> Iterator[ServedEmulator]:
    with serve_emulator() as running:
        yield running


@pytest.mark.tools
@pytest.mark.parametrize("example", TABLE, ids=lambda example: example.name)
def test_an_example_passes_its_own_tests(
    example: Example, served: ServedEmulator, tmp_path: Path
) -> None:
    if lack := example.lacks():
        skip_missing(lack)

    try:
        count = example.run(served.url, tmp_path)
    except subprocess.CalledProcessError as error:
        pytest.fail(str(error.output))

    assert count >= ENOUGH
    worlds = served.ask("GET", "/_emulator/worlds").body
    assert [each["name"] for each in worlds] == ["demo"], "it left a world behind"


@pytest.mark.tools
@pytest.mark.parametrize(("pipeline", "schema"), SCHEMAS)
def test_a_pipeline_is_what_its_schema_says(pipeline: str, schema: str) -> None:
    tool = require_tool("check-jsonschema")

    ends_well(tool, "--builtin-schema", schema, EXAMPLES / "ci" / pipeline)


@pytest.mark.tools
def test_the_java_of_testcontainers_is_java() -> None:
    parse = ROOT / "tests" / "clients" / "Parse.java"

    ends_well(require_tool("java"), parse, *CONTAINERS.rglob("*.java"))


@pytest.mark.tools
def test_the_javascript_of_testcontainers_is_a_module(tmp_path: Path) -> None:
    script = CONTAINERS / "node" / "smsclouds.test.js"
    module = tmp_path / "module.mjs"  # node reads a .js as it finds a package.json
    module.write_text(script.read_text("utf-8"), "utf-8")

    ends_well(require_tool("node"), "--check", module)


def test_the_python_of_testcontainers_is_python() -> None:
    sources = list(CONTAINERS.rglob("*.py"))

    assert sources
    for source in sources:
        ast.parse(source.read_text("utf-8"))


def test_every_example_is_run_or_said_to_be_checked_only() -> None:
    folders = {each.name for each in EXAMPLES.iterdir() if each.is_dir()}
    readme = (EXAMPLES / "README.md").read_text("utf-8")

    assert folders == {each.name for each in TABLE} | CHECKED
    assert all(f"({each})" in readme or f"({each}/" in readme for each in folders)


def test_the_image_of_an_example_has_the_version_that_is_here() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    files = [
        each
        for name in CHECKED
        for each in (EXAMPLES / name).rglob("*.*")
        if each.suffix in SOURCES
    ]
    named = [
        (each.name, version)
        for each in files
        for version in re.findall(r"smsclouds-emulator:([\d.]+)", each.read_text())
    ]

    assert len(named) == len(files)
    assert {version for _, version in named} == {project["version"]}


def test_the_links_of_the_readme_lead_somewhere() -> None:
    readme = (EXAMPLES / "README.md").read_text("utf-8")

    for target in re.findall(r"\]\(([^)]+)\)", readme):
        assert (EXAMPLES / target).exists(), target


def ends_well(program: Path, *arguments: str | Path) -> None:
    """Run *program*, which must end well, or fail with what it prints."""
    done = subprocess.run(
        [program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
