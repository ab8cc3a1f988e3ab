"""The pytest plugin, in suites of its users: each a process of its own."""

import socket
import subprocess
import sys
import tomllib
from contextlib import closing

import pytest

from emulator.client import ClientError, Emulator
from emulator.serving.standby import Standby
from tests.support.processes import ROOT, make_environment

SEEDS = (1, 2, 3)
MANY_SEEDS = range(100)

ONE_WORLD_EACH = """
    import re
    import pytest

    @pytest.mark.parametrize("index", range(6))
    def test_alone(smsclouds, index):
        assert re.fullmatch("[a-z0-9]{9}", smsclouds.world)
        assert smsclouds.token == f"world-{smsclouds.world}"
        assert smsclouds.clock.rate == 0
        assert smsclouds.requests.count == 0
        assert smsclouds.request("GET", "/api/v1/user").status == 200
        assert smsclouds.requests.count == 1
        print("served by", smsclouds.url)
"""
SAME_SERVER = """
    def test_default(smsclouds_server):
        assert smsclouds_server.world == "demo"
        print("served by", smsclouds_server.url)
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load our plugin in the suites below and no other, installed or not."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def ran(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "emulator.pytest_plugin", *arguments)


def test_it_is_installed_under_its_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert project["entry-points"]["pytest11"] == {
        "smsclouds": "emulator.pytest_plugin"
    }


def test_every_test_has_a_fresh_world_on_one_server(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ONE_WORLD_EACH)

    result = ran(pytester, "-rP")

    result.assert_outcomes(passed=6)
    served = [line for line in result.outlines if line.startswith("served by")]
    assert len(served) == 6
    assert len(set(served)) == 1


def test_xdist_workers_share_the_server_of_the_controller(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_one=ONE_WORLD_EACH, test_two=SAME_SERVER)

    result = ran(pytester, "-p", "xdist", "-n", "2", "-rP")

    result.assert_outcomes(passed=7)
    served = [line for line in result.outlines if line.startswith("served by")]
    assert len(served) == 7
    assert len(set(served)) == 1


def test_nothing_is_left_behind(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_opens(smsclouds):
            smsclouds.fork()
            smsclouds.create("other")

        def test_deletes(smsclouds):
            smsclouds.delete()

        def test_again(smsclouds_server):
            assert [each.name for each in smsclouds_server.worlds] == ["demo"]
        """
    )

    ran(pytester).assert_outcomes(passed=3)


def test_a_running_emulator_serves_instead(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_one=ONE_WORLD_EACH, test_two=SAME_SERVER)
    with closing(Standby("demo")) as standby:
        for more in ((), ("-p", "xdist", "-n", "2")):
            result = ran(pytester, "-rP", "--smsclouds-url", standby.url, *more)

            result.assert_outcomes(passed=7)
            served = {line for line in result.outlines if line.startswith("served by")}
            assert served == {f"served by {standby.url}"}


def test_a_world_of_somebody_else_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_name(smsclouds):
            print("called", smsclouds.world)
        """
    )
    with closing(Standby("demo")) as standby, Emulator(standby.url) as emulator:
        first = called(ran(pytester, "-rP", "--smsclouds-url", standby.url))
        emulator.create(first)

        second = called(ran(pytester, "-rP", "--smsclouds-url", standby.url))

        assert second != first
        assert [each.name for each in emulator.worlds] == ["demo", first]


def called(result: pytest.RunResult) -> str:
    """Return the name of the test's world."""
    result.assert_outcomes(passed=1)
    return next(line for line in result.outlines if line.startswith("called"))[7:]


def test_a_world_file_or_a_bundled_name_is_the_worlds_fixture(
    pytester: pytest.Pytester,
) -> None:
    world = (ROOT / "fixtures/worlds/demo.yaml").read_text("utf-8")
    path = pytester.path / "mine.yaml"
    path.write_text(world.replace("credit: 468062.11", "credit: 12"), "utf-8")
    pytester.makepyfile(
        """
        def test_credit(smsclouds):
            assert smsclouds.balance == 12
        """
    )

    ran(pytester, "--smsclouds-world", "mine.yaml").assert_outcomes(passed=1)
    ran(pytester, "-o", "smsclouds_world=mine.yaml").assert_outcomes(passed=1)
    with closing(Standby("demo")) as standby:
        arguments = ("--smsclouds-url", standby.url, "--smsclouds-world", "mine.yaml")
        ran(pytester, *arguments).assert_outcomes(passed=1)
    ran(pytester).assert_outcomes(failed=1)


def test_a_marker_orders_another_world(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.smsclouds(strict=True, clock="2026-03-02T18:00:00Z")
        def test_strict(smsclouds):
            assert smsclouds.info.assumptions
            assert smsclouds.info.now.startswith("2026-03-02T18:00:00")
        """
    )

    ran(pytester, "--strict-markers").assert_outcomes(passed=1)


def test_a_failure_shows_what_the_emulator_saw(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_fails(smsclouds):
            smsclouds.fail_next("getUser", status=503)
            smsclouds.request("GET", "/api/v1/user")
            order = {"text": "hola", "route": 87}
            order["recipients"] = [{"cellphone": "4498987282"}]
            smsclouds.request("POST", "/api/v3/campaign", json=order)
            assert smsclouds.messages(status="sent").count == 1
        """
    )

    result = ran(pytester)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- smsclouds -*",
            "world *clock at rate 0, balance 468061.11",
            "requests: 2:",
            "*getUser: GET /api/v1/user -> 503 (fault f1*",
            "*createCampaign: POST /api/v3/campaign -> 200",
            "messages: 1:",
            "*to 4498987282: in progress: 'hola'",
            "faults: 1:",
            "*getUser*503*applied 1",
        ]
    )


def test_a_failed_expectation_says_what_was_seen_and_hides_its_own_code(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        def test_fails(smsclouds):
            smsclouds.request("GET", "/api/v1/user")
            smsclouds.verify("createCampaign", exactly=1)
        """
    )

    result = ran(pytester)

    result.stdout.fnmatch_lines(["E *AssertionError: *createCampaign*"])
    result.stdout.fnmatch_lines(["E *getUser*"])
    result.stdout.no_fnmatch_line("*emulator/client/*")


def test_a_world_that_does_not_answer_any_more_leaves_the_failure_as_it_is(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        def test_fails(smsclouds):
            smsclouds.delete()
            assert False, "the test's own reason"
        """
    )

    result = ran(pytester)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the test's own reason*", "*says nothing*"])


def test_an_emulator_that_cannot_start_says_why(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_any(smsclouds): pass")

    for more in ((), ("-p", "xdist", "-n", "1")):
        result = ran(pytester, "--smsclouds-world", "nowhere.yaml", *more)

        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*did not start*nowhere.yaml*"])


def test_nobody_at_the_url_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_any(smsclouds): pass")

    result = ran(pytester, "--smsclouds-url", "http://127.0.0.1:1")

    result.stdout.fnmatch_lines(["*no emulator answers at http://127.0.0.1:1*"])


@pytest.mark.parametrize("more", [(), ("-p", "xdist", "-n", "1")])
def test_a_suite_that_does_not_use_it_imports_nothing(
    pytester: pytest.Pytester, more: tuple[str, ...]
) -> None:
    pytester.makeconftest(
        """
        import sys

        def pytest_unconfigure(config):
            found = {"starlette", "uvicorn", "orjson", "yaml", "http.client"}
            print("imported:", sorted(found & set(sys.modules)))
        """
    )
    pytester.makepyfile("def test_nothing(): pass")

    result = ran(pytester, *more)

    result.assert_outcomes(passed=1)
    assert [line for line in result.outlines if "imported:" in line] == ["imported: []"]


def test_the_standby_ends_whether_or_not_somebody_came() -> None:
    Standby("demo").close()
    used = Standby("demo")
    with Emulator(used.url) as emulator:
        assert emulator.world == "demo"
    used.close()

    with pytest.raises(ClientError, match="refused"), Emulator(used.url) as late:
        late.clock.freeze()


def test_the_standby_ends_while_it_starts() -> None:
    standby = Standby("demo")
    with socket.create_connection(("127.0.0.1", int(standby.url.rpartition(":")[2]))):
        standby.close()


def crowd(seed: int) -> None:
    """Run the sixty-four in the order of *seed*."""
    plugins = ("xdist", "pytest_timeout", "emulator.pytest_plugin")
    command = (
        *(sys.executable, "-m", "pytest", "-q", "-n", "4"),
        *(word for name in plugins for word in ("-p", name)),
        *("-o", "addopts=", "--import-mode=importlib", "--order-seed", str(seed)),
        *("--confcutdir", "tests/crowd", "tests/crowd"),
    )
    environment = make_environment() | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert "64 passed" in done.stdout, done.stdout
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("seed", SEEDS)
def test_sixty_four_tests_share_one_server_in_any_order(seed: int) -> None:
    crowd(seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", MANY_SEEDS)
def test_sixty_four_tests_share_one_server_a_hundred_times(seed: int) -> None:
    crowd(seed)
