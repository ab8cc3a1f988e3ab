"""What is shipped, and the two commands that bring it up.

The wheel and the source archive are built here with the pinned back end, without the
network.
"""

import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import emulator

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
NAME = "smsclouds_emulator"
LOCKS = ("requirements.lock", "image.lock")

# Written as patterns, so that this file does not find itself.
UNSHIPPABLE = re.compile(
    r"""
      (?<![\w.]) /(?:work|root|home|farm)/ [a-z]     # a path of somebody's machine
    | \.\./shared                                    # a neighbour of the repository
    | \b(?:files\.)?pythonhosted\.org | \bpypi\.org  # package registries
    | \bregistry\.(?:npmjs\.org|yarnpkg\.com)
    | \bdeb\.debian\.org | \bsecurity\.debian\.org | \brepo1?\.maven\b
    """,
    re.VERBOSE,
)


def build(target: str, *, source: Path, into: Path) -> Path:
    into.mkdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (made,) = into.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", source=ROOT, into=tmp_path_factory.mktemp("wheel") / "dist")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", source=ROOT, into=tmp_path_factory.mktemp("sdist") / "dist")


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def below(*folders: str) -> set[str]:
    """Every file that git would keep below the folders, by its path in the project."""
    return {path for path in kept_files() if path.startswith(folders)}


def kept_files() -> list[str]:
    # A checkout may belong to somebody else, as in a container.
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(
        [*git, "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return sorted(path for path in listed.split("\0") if (ROOT / path).is_file())


# An import written as text, which no type checker reads: in a Dockerfile, a guide, a
# command that a test runs.
IMPORT_IN_TEXT = re.compile(r"from (emulator(?:\.\w+)*) import (\w+(?:, \w+)*)")
INVENTED = ("tests/test_mutation.py", "tests/test_names_tool.py")  # modules in there


def imports_in_text() -> Iterator[tuple[str, str, str]]:
    """Yield file, module and name of each import of ours, wherever it is written."""
    for path in kept_files():
        if path.startswith(("docs/decisions/", *INVENTED)) or path == "CHANGELOG.md":
            continue
        with suppress(UnicodeDecodeError):
            text = (ROOT / path).read_text("utf-8")
            for module, names in IMPORT_IN_TEXT.findall(text):
                yield from ((path, module, name) for name in names.split(", "))


def test_whatever_is_imported_in_a_text_is_there() -> None:
    found = list(imports_in_text())

    assert "Dockerfile" in {path for path, _, _ in found}
    missing = []
    for path, module, name in found:
        if not hasattr(importlib.import_module(module), name):
            try:
                importlib.import_module(f"{module}.{name}")
            except ImportError:
                missing.append(f"{path}: {module}.{name}")
    assert missing == []


def top_names(paths: Iterable[str]) -> set[str]:
    return {path.split("/", 1)[0] for path in paths}


def test_the_wheel_holds_the_package_the_contract_and_every_fixture(
    wheel: Path,
) -> None:
    shipped = files_of(wheel)

    assert "emulator/py.typed" in shipped
    assert "emulator/_data/openapi.yaml" in shipped
    assert "emulator/_data/docs/ledger.yaml" in shipped
    assert below("emulator/web/panel/")
    assert {f"emulator/_data/{path}" for path in below("fixtures/")} <= shipped
    assert below("emulator/") <= shipped


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    version = PROJECT["project"]["version"]

    assert top_names(files_of(wheel)) == {"emulator", f"{NAME}-{version}.dist-info"}


def test_the_wheel_installs_both_commands(wheel: Path) -> None:
    (listing,) = (n for n in files_of(wheel) if n.endswith("/entry_points.txt"))
    with zipfile.ZipFile(wheel) as archive:
        commands = archive.read(listing).decode()

    assert "smsclouds-emulator = emulator.command.main:main" in commands
    assert "\nemulator = emulator.command.main:main" in commands
    assert "[pytest11]\nsmsclouds = emulator.pytest_plugin" in commands


def test_the_source_archive_makes_the_same_wheel(
    wheel: Path, sdist: Path, tmp_path: Path
) -> None:
    # Not tarfile: its safe extraction came with Python 3.11.4, Debian 12 has 3.11.2.
    subprocess.run(["tar", "-xf", sdist, "-C", tmp_path], check=True)
    (unpacked,) = tmp_path.iterdir()

    again = build("wheel", source=unpacked, into=tmp_path / "dist")

    assert again.read_bytes() == wheel.read_bytes()


def test_the_source_archive_holds_what_the_wheel_needs_and_no_tests(
    sdist: Path,
) -> None:
    with tarfile.open(sdist) as archive:
        paths = {name.split("/", 1)[1] for name in archive.getnames()}

    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert top_names(paths) == top_names(included) | {".gitignore", "PKG-INFO"}
    assert [path for path in paths if path.startswith("docs/")] == ["docs/ledger.yaml"]


def test_an_editable_install_runs_the_code_of_this_folder() -> None:
    assert Path(str(emulator.__file__)).parent == ROOT / "emulator"
    assert importlib.metadata.version(NAME) == PROJECT["project"]["version"]


def pins(name: str = "requirements.lock") -> dict[str, str]:
    """Read a lock: package -> version, marker and hashes, as they stand there."""
    lock = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==((?:.*\\\n)*.*)$", lock, re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_names_no_address_and_no_path(name: str) -> None:
    lock = (ROOT / name).read_text("utf-8")

    assert "://" not in lock
    assert "file:" not in lock
    assert not re.search(r"(?<!\w)/\w|^-", lock, re.MULTILINE)


def test_the_image_takes_a_part_of_what_the_tests_ran_with() -> None:
    whole, part = (
        {package: re.split(r"[ ;]", entry)[0] for package, entry in pins(name).items()}
        for name in LOCKS
    )
    needed = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]

    assert part.items() < whole.items()
    assert {re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in needed} <= part.keys()
    assert PROJECT["dependency-groups"]["image"] == PROJECT["build-system"]["requires"]
    assert "pytest" not in part


def test_every_package_in_the_lock_has_an_exact_version_and_hashes() -> None:
    locked = pins()

    assert len(locked) > len(PROJECT["project"]["dependencies"])
    for package, entry in locked.items():
        assert re.match(r"\d[\w.]*( ; [^\\]+)? \\\n", entry), package
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), package


def test_whatever_pyproject_asks_for_is_in_the_lock() -> None:
    wanted = [
        *PROJECT["project"]["dependencies"],
        *(
            each
            for each in PROJECT["dependency-groups"]["dev"]
            if isinstance(each, str)
        ),
        *PROJECT["build-system"]["requires"],
    ]
    names = {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in wanted}

    assert names <= pins().keys()
    (back_end,) = PROJECT["build-system"]["requires"]
    assert pins()["hatchling"].startswith(back_end.removeprefix("hatchling==") + " ")


def test_the_image_runs_as_a_number_and_asks_for_its_own_health() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")

    assert re.search(r"^USER \d+:\d+$", dockerfile, re.MULTILINE)
    assert 'CMD ["smsclouds-emulator", "healthcheck"]' in dockerfile
    assert "EMULATOR_HOST=0.0.0.0" in dockerfile
    assert "curl" not in dockerfile
    assert dockerfile.count("\nFROM ${BASE}") == 2


def test_the_image_is_built_from_everything_the_wheel_needs() -> None:
    hatch = PROJECT["tool"]["hatch"]["build"]["targets"]
    needed = {
        "pyproject.toml",
        "image.lock",
        PROJECT["project"]["readme"],
        *PROJECT["project"]["license-files"],
        *hatch["wheel"]["packages"],
        *hatch["wheel"]["force-include"],
    }
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()

    assert needed <= {line[1:] for line in ignore if line.startswith("!")}


def make(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run make as a person would, even when these tests were started by a make."""
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}
    return subprocess.run(
        ["make", *words],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in outer},
        check=False,
        capture_output=True,
        text=True,
    )


def test_make_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split()

    shown = make("help", folder=ROOT).stdout

    assert re.findall(r"^  make (\w+) +\S", shown, re.MULTILINE) == phony


@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        (
            "exit 127",
            "Python 3.11 or newer is needed: apt install python3-venv",
        ),
        (
            'case "$2" in *print*) echo 3.9 ;; *) exit 1 ;; esac',
            "Python 3.11 or newer is needed; {name} is 3.9.",
        ),
        (
            'case "$2" in *print*) echo 3.12 ;; *ensurepip*) exit 1 ;; esac',
            "{name} cannot make a virtual environment: apt install python3.12-venv",
        ),
    ],
    ids=["no Python", "an old Python", "a Python without venv"],
)
def test_an_unfit_python_is_refused_in_one_sentence(
    python: str, sentence: str, tmp_path: Path
) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\n{python}\n")
    fake.chmod(0o755)

    tried = make("test", f"PYTHON={fake}", folder=tmp_path)

    assert tried.returncode == 2
    assert tried.stdout == ""
    said, make_says = tried.stderr.splitlines()
    assert said == sentence.format(name=fake)
    assert make_says.startswith("make: ***")


def test_no_file_names_a_machine_or_a_package_registry() -> None:
    found = []
    for path in kept_files():
        text = (ROOT / path).read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path}: {hit.group()}" for hit in UNSHIPPABLE.finditer(text)]

    assert found == []
