"""docs/fidelity.md is current, and nothing that it promises is without a test."""

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.domain.assumptions import Switch
from tools import fidelity
from tools.fidelity import Facts, Item, Witness

MARKED = '@pytest.mark.manual("SMS-02")\n'
PLACES = "\n".join(
    f"<!-- generated: {name} -->\nold\n<!-- /generated -->\n"
    for name in ("counts", "statements", "switches")
)


@pytest.fixture(scope="module")
def facts() -> Facts:
    return fidelity.gather()


def an_item(item_id: str = "SMS-02", state: str = "implemented") -> Item:
    return Item(item_id, "guess", "It is long.", "It is refused.", state)


def a_witness(*ids: str, name: str = "test_a") -> Witness:
    return Witness("test_sms.py", name, frozenset(ids))


def a_switch(*ledger: str) -> Switch:
    return Switch("charge", ("per_part", "per_recipient"), "per_part", ledger, "Cost.")


def shown(source: str) -> dict[str, set[str]]:
    """Return the tests of *source* with the ids they show."""
    found = fidelity.read_test(source, "test_sms.py")
    return {each.name: set(each.ids) for each in found}


# --- This repository ---------------------------------------------------------


def test_the_page_is_current(facts: Facts) -> None:
    assert fidelity.outdated(facts, fidelity.PAGE.read_text("utf-8")) == []


def test_every_implemented_statement_has_a_test(facts: Facts) -> None:
    assert fidelity.untested(facts) == []


def test_every_marker_names_a_statement(facts: Facts) -> None:
    assert fidelity.unknown_to_tests(facts) == []


def test_every_marker_can_be_read(facts: Facts) -> None:
    assert fidelity.unread(facts) == []


def test_the_contract_names_statements_only(facts: Facts) -> None:
    assert facts.quoted
    assert fidelity.unknown_to_contract(facts) == []


def test_every_switch_names_statements_only(facts: Facts) -> None:
    assert fidelity.unknown_to_switches(facts) == []


def test_every_difference_between_the_modes_has_a_switch(facts: Facts) -> None:
    assert fidelity.unswitched(facts) == []


def test_the_ledger_is_well_formed(facts: Facts) -> None:
    assert fidelity.malformed(facts) == []
    assert all(item.says and item.does for item in facts.items)


# --- Reading markers ---------------------------------------------------------


def test_a_marker_may_hold_several_ids() -> None:
    source = '@mark.manual("SMS-02", "SMS-20")\nasync def test_a(): ...'

    assert shown(source) == {"test_a": {"SMS-02", "SMS-20"}}


def test_markers_add_up() -> None:
    source = MARKED + '@pytest.mark.manual("SMS-20")\ndef test_a(): ...'

    assert shown(source) == {"test_a": {"SMS-02", "SMS-20"}}


@pytest.mark.parametrize(
    "value",
    [
        'pytest.mark.manual("SMS-02")',
        '[pytest.mark.tools, pytest.mark.manual("SMS-02")]',
        '(pytest.mark.manual("SMS-02"),)',
    ],
)
def test_a_module_is_marked_as_a_whole(value: str) -> None:
    source = (
        f"def test_a(): ...\npytestmark = {value}\nclass TestB:\n def test_c(): ..."
    )

    assert shown(source) == {"test_a": {"SMS-02"}, "TestB::test_c": {"SMS-02"}}


def test_an_annotated_pytestmark_counts() -> None:
    source = 'pytestmark: Any = pytest.mark.manual("SMS-02")\ndef test_a(): ...'

    assert shown(source) == {"test_a": {"SMS-02"}}


def test_a_class_marks_its_tests() -> None:
    source = f"{MARKED}class TestA:\n def test_b(self): ...\n def other(self): ..."

    assert shown(source) == {"TestA::test_b": {"SMS-02"}}


def test_a_pytestmark_in_a_class_stays_there() -> None:
    source = (
        'class TestA:\n pytestmark = pytest.mark.manual("SMS-02")\n def test_b(): ...\n'
        "def test_c(): ..."
    )

    assert shown(source) == {"TestA::test_b": {"SMS-02"}}


def test_a_parameter_may_be_marked() -> None:
    source = (
        '@pytest.mark.parametrize("n", [\n'
        ' pytest.param(1, marks=pytest.mark.manual("SMS-02")),\n'
        ' pytest.param(2, marks=[pytest.mark.xfail, pytest.mark.manual("SMS-20")])])\n'
        "def test_a(n): ..."
    )

    assert shown(source) == {"test_a": {"SMS-02", "SMS-20"}}


def test_tests_inside_a_condition_are_found() -> None:
    source = f"if PHP:\n {MARKED} def test_a(): ...\nelse:\n {MARKED} def test_b(): ..."

    assert shown(source) == {"test_a": {"SMS-02"}, "test_b": {"SMS-02"}}


def test_a_state_machine_is_a_test() -> None:
    source = 'pytestmark = pytest.mark.manual("SMS-02")\nTestA = Machine.TestCase'

    assert shown(source) == {"TestA": {"SMS-02"}}


def test_a_class_that_inherits_its_tests_is_named_itself() -> None:
    assert shown(f"{MARKED}class Story(Machine.TestCase): ...") == {"Story": {"SMS-02"}}


@pytest.mark.parametrize(
    "mark", ["skip", 'skip(reason="later")', "xfail(strict=True)", "soak"]
)
def test_a_test_that_is_left_out_shows_nothing(mark: str) -> None:
    assert shown(f"{MARKED}@pytest.mark.{mark}\ndef test_a(): ...") == {}


def test_a_module_that_is_left_out_shows_nothing() -> None:
    assert shown(f"pytestmark = pytest.mark.soak\n{MARKED}def test_a(): ...") == {}


def test_a_test_that_needs_a_tool_counts() -> None:
    source = f"{MARKED}@pytest.mark.skipif(not PHP)\ndef test_a(): ..."

    assert shown(source) == {"test_a": {"SMS-02"}}


@pytest.mark.parametrize("body", ["def helper(): ...", "class Machine(Rules): ..."])
def test_a_marker_on_what_is_not_run_is_refused(body: str) -> None:
    with pytest.raises(
        ValueError, match=r"line 2: \w+ is marked, but it is not a test"
    ):
        shown(MARKED + body)


@pytest.mark.parametrize("argument", ["NAME", "*NAMES", "id='SMS-02'", 'f"SMS-{n}"'])
def test_a_marker_takes_plain_strings(argument: str) -> None:
    with pytest.raises(ValueError, match="line 1: a marker takes plain strings"):
        shown(f"@pytest.mark.manual({argument})\ndef test_a(): ...")


def test_folders_are_searched_and_unreadable_files_named(tmp_path: Path) -> None:
    for file, source in {
        "examples/test_a.py": f"{MARKED}def test_a(): ...",
        "tools/node_modules/test_b.py": f"{MARKED}def test_b(): ...",
        "test_c.py": "def test_c(:",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(source, "utf-8")

    found, unread = fidelity.read_tests(tmp_path)

    assert found == [Witness("examples/test_a.py", "test_a", frozenset({"SMS-02"}))]
    assert len(unread) == 1
    assert unread[0].startswith("tests/test_c.py: ")


def test_the_contract_is_searched_at_every_depth() -> None:
    document = {
        "paths": {"/a": {"get": {"x-ledger": ["SMS-01", "SMS-02"]}}},
        "components": [
            {"x-strict": {"ledger": "CLC-05", "schema": {"type": "object"}}}
        ],
        "info": {"title": "VOI-01", "x-ledger": "GEN-01, GEN-02"},
        "properties": {"ledger": {"type": "string"}},
        "x-also-at": {"/b": "CLC-02"},
    }

    assert fidelity.quoted_ids(document) == {
        *("SMS-01", "SMS-02", "CLC-05", "GEN-01", "GEN-02", "CLC-02"),
    }


# --- Checking ----------------------------------------------------------------


def test_an_implemented_statement_needs_a_test() -> None:
    items = (an_item(), an_item("SMS-03"), an_item("MOP-01", state="later"))

    found = fidelity.untested(Facts(items, (a_witness("SMS-03"),)))

    assert found == ["SMS-02 is implemented and no test shows it"]


def test_strange_ids_are_named_with_their_place() -> None:
    facts = Facts(
        (an_item(),),
        witnesses=(a_witness("SMS-02", "SMS-99"),),
        switches=(a_switch("SMS-02", "SMS-98"),),
        quoted=frozenset({"SMS-02", "SMS-97"}),
    )

    assert "SMS-99" in fidelity.unknown_to_tests(facts)[0]
    assert "SMS-98" in fidelity.unknown_to_switches(facts)[0]
    assert "SMS-97" in fidelity.unknown_to_contract(facts)[0]


def test_a_difference_between_the_modes_needs_a_switch_once_it_is_built() -> None:
    item = replace(an_item(), modes_differ=True)

    assert "SMS-02" in fidelity.unswitched(Facts((item,)))[0]
    assert fidelity.unswitched(Facts((item,), switches=(a_switch("SMS-02"),))) == []
    assert fidelity.unswitched(Facts((replace(item, state="later"),))) == []


def test_mistakes_in_the_ledger_are_named() -> None:
    wrong = replace(an_item("XYZ-01", state="someday"), mark="maybe")

    found = " ".join(fidelity.malformed(Facts((wrong, an_item(), an_item()))))

    for sentence in (
        "XYZ-01 does not begin with a chapter's name",
        "SMS-02 stands 2 times",
        "maybe is no mark",
        "someday is no state",
    ):
        assert sentence in found


def test_everything_wrong_is_said_at_once() -> None:
    facts = Facts((an_item(),), switches=(a_switch("SMS-98"),), unread=("No.",))

    found = fidelity.problems(facts, PLACES)

    assert found[:3] == [
        "No.",
        "SMS-02 is implemented and no test shows it",
        "the switch charge names SMS-98, which the ledger lacks",
    ]
    assert len(found) == 3 + PLACES.count("old")
    assert all("out of date" in sentence for sentence in found[3:])


# --- Writing -----------------------------------------------------------------


def test_a_page_is_filled_once_and_for_all() -> None:
    facts = Facts((an_item(),), (a_witness("SMS-02"),), (a_switch("SMS-02"),))

    page = fidelity.filled(f"# Head\n\n{PLACES}\nFoot\n", facts)

    assert page.startswith("# Head\n")
    assert page.endswith("\nFoot\n")
    assert "old" not in page
    assert fidelity.filled(page, facts) == page
    assert fidelity.problems(facts, page) == []


def test_a_page_that_lost_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="fidelity"):
        fidelity.filled("# Head\n", Facts(()))


def test_a_statement_is_shown_with_its_switch_and_its_tests() -> None:
    facts = Facts((an_item(),), (a_witness("SMS-02"),), (a_switch("SMS-02"),))

    assert (
        "| **SMS-02** It is long. | guess | It is refused. | `charge` "
        "| [`test_sms.py::test_a`](../tests/test_sms.py) |"
    ) in fidelity.statements(facts)


@pytest.mark.parametrize(
    ("state", "cell"),
    [
        ("implemented", "**none**"),
        ("later", "later"),
        ("context", "nothing to test"),
    ],
)
def test_a_statement_without_tests_says_why(state: str, cell: str) -> None:
    assert f"|  | {cell} |" in fidelity.statements(Facts((an_item(state=state),)))


def test_three_tests_are_named_and_the_others_counted() -> None:
    three = [a_witness("SMS-02", name=f"test_{n}") for n in range(3)]

    assert "more" not in fidelity.evidence(three)
    assert fidelity.evidence([*three, *three]).endswith("<br>and 3 more")
    assert fidelity.evidence([*three, *three]).count("](") == 3


def test_a_switch_is_shown_with_its_default_in_bold() -> None:
    facts = Facts((), switches=(a_switch("SMS-44", "SMS-45"),))

    assert (
        "| `charge` | **`per_part`**, `per_recipient` | `per_part` "
        "| SMS-44, SMS-45 | Cost. |"
    ) in fidelity.switches(facts)


def test_statements_are_counted_by_state_and_mark() -> None:
    items = (an_item(), an_item("SMS-03"), an_item("MOP-01", state="later"))

    counts = fidelity.counts(Facts(items, (a_witness("SMS-02"),)))

    assert "| implemented | 0 | 0 | 2 | 2 |" in counts
    assert "| later | 0 | 0 | 1 | 1 |" in counts
    assert "| all | 0 | 0 | 3 | 3 |" in counts
    assert counts.endswith("without a test: SMS-03.")


def test_a_cell_cannot_break_its_table() -> None:
    assert fidelity.table(["a"], [["x | y\n z"]]).endswith("\n| x \\| y z |")


# --- The command -------------------------------------------------------------


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a page with its places still empty, over a ledger that wants one test."""
    monkeypatch.setattr(fidelity, "PAGE", tmp_path / "fidelity.md")
    monkeypatch.setattr(fidelity, "gather", lambda: Facts((an_item(),)))
    (tmp_path / "fidelity.md").write_text(PLACES, "utf-8")
    return tmp_path / "fidelity.md"


def test_check_writes_nothing_and_fails(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fidelity.main(["--check"]) == 1
    assert page.read_text("utf-8") == PLACES
    assert "run python tools/fidelity.py" in capsys.readouterr().out


def test_without_check_the_page_is_rewritten_and_what_is_left_is_said(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fidelity.main([]) == 0
    assert "**SMS-02**" in page.read_text("utf-8")
    assert capsys.readouterr().out == "SMS-02 is implemented and no test shows it\n"
