"""Run the examples against an emulator: ``make examples``.

Those whose tool chain is not installed are named and left out.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
JARS = Path("/usr/share/java")  # of Debian
PHP = "src/Smsclouds.php"
CLI = Path("/usr/lib/cli")
SCRATCH = "{scratch}"  # in a command, a folder for what it makes
URL = "{url}"  # ... where the emulator is

Command = tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """A client in ``examples/`` and what runs its tests there."""

    name: str
    commands: tuple[Command, ...]
    passed: str  # a pattern: how many tests did
    probe: Command | None = None  # fails where something else is absent
    files: tuple[Path, ...] = ()  # that have to be there, beside the programs

    @property
    def folder(self) -> Path:
        return EXAMPLES / self.name

    def lacks(self) -> str | None:
        """Return a program or a file that is not installed."""
        programs = (program for program, *_ in self.commands)
        absent = [each for each in programs if shutil.which(each) is None]
        absent += [each.name for each in self.files if not each.exists()]
        if not absent and self.probe:
            done = subprocess.run(self.probe, check=False, capture_output=True)
            absent += [f"php-{self.probe[-1]}"] if done.returncode else []
        return absent[0] if absent else None

    def run(self, url: str, scratch: Path) -> int:
        """Run its tests against the emulator at *url* and return how many passed.

        Raises ``subprocess.CalledProcessError``, whose ``output`` they have printed.
        """
        said = ""
        for command in self.commands:
            said += subprocess.run(
                [
                    word.replace(SCRATCH, str(scratch)).replace(URL, url)
                    for word in command
                ],
                cwd=self.folder,
                env=os.environ | {"SMSCLOUDS_URL": url},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                check=True,
            ).stdout
        counts: list[str] = re.findall(self.passed, said)
        return sum(map(int, counts))


def _java() -> Example:
    names = ("okhttp", "okio", "gson", "junit-platform-console-standalone")
    jars = tuple(JARS / f"{name}.jar" for name in names)
    path = os.pathsep.join(map(str, jars))
    sources = sorted(str(each) for each in (EXAMPLES / "java").rglob("*.java"))
    console = "org.junit.platform.console.ConsoleLauncher"
    chosen = ("--select-package", "sms", "--fail-if-no-tests", "--disable-ansi-colors")
    return Example(
        "java",
        (
            ("javac", "-cp", path, "-d", SCRATCH, *sources),
            ("java", "-cp", os.pathsep.join([SCRATCH, path]), console, *chosen),
        ),
        passed=r"(\d+) tests successful",
        files=jars,
    )


def _csharp() -> Example:
    """Return what Mono runs; with .NET it is ``dotnet test``."""
    libraries = (
        CLI / "Newtonsoft.Json-5.0" / "Newtonsoft.Json.dll",
        CLI / "nunit.framework-2.6.3" / "nunit.framework.dll",
    )
    references = [f"-r:{each}" for each in (*libraries, "System.Net.Http.dll")]
    sources = sorted(str(each) for each in (EXAMPLES / "csharp").glob("*.cs"))
    tests = f"{SCRATCH}/tests.dll"
    made = ("-langversion:7.2", "-target:library", f"-out:{tests}")
    return Example(
        "csharp",
        (
            ("mcs", *made, *references, *sources),
            ("nunit-console", "-nologo", "-noresult", tests),
        ),
        passed=r"Tests run: (\d+), Errors: 0, Failures: 0",
        files=libraries,
    )


TABLE = (
    _csharp(),
    Example("node", (("node", "--test"),), passed=r"pass (\d+)"),
    Example(
        "php",
        (("phpunit", "--do-not-cache-result", "--bootstrap", PHP, "tests"),),
        passed=r"OK \((\d+) tests",
        probe=("php", "--re", "curl"),
    ),
    Example(
        "python",
        ((sys.executable, "-m", "pytest", "-q", "--smsclouds-url", URL),),
        passed=r"(\d+) passed",
    ),
    _java(),
)


@contextmanager
def emulated() -> Iterator[str]:
    """Serve on a free port until the block ends."""
    ports = ("--port", "0", "--smpp-port", "none")
    with subprocess.Popen(
        (sys.executable, "-m", "emulator", "serve", *ports),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            yield _announced(process)
        finally:
            process.terminate()


def _announced(process: "subprocess.Popen[str]") -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        sys.exit("the emulator did not start")
    return line.split()[-1]


def main(names: Sequence[str]) -> int:
    """Run the named examples, all without a name; return how many fail."""
    failed = 0
    with emulated() as url:
        for example in TABLE:
            if names and example.name not in names:
                continue
            if lack := example.lacks():
                print(f"{example.name}: left out, {lack} is not installed")
                continue
            try:
                with TemporaryDirectory() as scratch:
                    count = example.run(url, Path(scratch))
            except subprocess.CalledProcessError as error:
                failed += 1
                print(f"{error.output}{example.name}: failed")
            else:
                print(f"{example.name}: {count} tests passed")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
