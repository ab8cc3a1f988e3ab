"""What the tests do not see: one small change of the code at a time, and who notices.

``python -m tools.mutation --seed 7 --count 170`` changes so many single places of
``emulator/``, drawn by the seed, each in a copy of the checkout, and runs the tests
that pass through the changed line, the likeliest and quickest first.  A change that no
test notices survives: a test is missing, or the change changes nothing that can be
seen (``equivalent_mutants.txt``: its mark, and why).

``--learn`` runs every test once without a change, in a copy, and keeps which of them
pass through which line; tests that fail then are never asked.

``--again RESULTS`` tries what survived once more: against what was learnt anew, or
against other tests: ``--tests tests/test_x.py``, ``--marker soak``, or the tests of a
commit (``--tests-of a790384``), learnt in a copy that has those instead of today's.
"""

import json
import sys
import tempfile
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from random import Random

from tools.mutation.copies import copied
from tools.mutation.judge import Judge, Verdict
from tools.mutation.learnt import LEARNT, Learnt, learn
from tools.mutation.mutants import ROOT, Mutant, does_compile, mutants
from tools.mutation.trial import HANGS, MARKER, Runner

EQUIVALENT = ROOT / "tools" / "equivalent_mutants.txt"


def sample(seed: int, count: int) -> list[Mutant]:
    """Draw changes, each file as often as it has places that do something."""
    known = equivalents()
    drawn: list[Mutant] = []
    every = mutants()
    for each in Random(seed).sample(every, len(every)):
        if len(drawn) == count:
            break
        if each.mark not in known and does_compile(each):
            drawn.append(each)
    return drawn


def equivalents() -> dict[str, str]:
    """Return why a change changes nothing that can be seen, by its mark."""
    if not EQUIVALENT.exists():
        return {}
    rows = (line.split(maxsplit=1) for line in EQUIVALENT.read_text().splitlines())
    return {row[0]: row[1] for row in rows if row and row[0] != "#"}


def verdicts(drawn: Iterable[Mutant], chosen: Namespace) -> Iterator[Verdict]:
    """Judge each in turn; each worker has a copy of its own."""
    learnt = None if chosen.tests else Learnt(chosen.learnt)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        Path(folder).chmod(0o755)  # some tests go on as nobody
        judges: SimpleQueue[Judge] = SimpleQueue()
        for number in range(chosen.workers):
            place = Path(folder, str(number))
            place.mkdir()
            runner = Runner(copied(place, chosen.tests_of), chosen.hangs)
            judges.put(Judge(runner, learnt, chosen.tests, chosen.marker, chosen.most))

        def judged(mutant: Mutant) -> Verdict:
            judge = judges.get()
            try:
                return judge.verdict(mutant)
            finally:
                judges.put(judge)

        with ThreadPoolExecutor(chosen.workers) as pool:
            for each in as_completed([pool.submit(judged, each) for each in drawn]):
                yield each.result()


def read(results: Path) -> list[Mutant]:
    """Return what survived by a file of ``--out``, as far as it is still there."""
    rows = map(json.loads, results.read_text("utf-8").splitlines())
    survived = {row["mark"] for row in rows if not row["killed_by"]}
    return [each for each in mutants() if each.mark in survived - {*equivalents()}]


def report(done: Iterable[Verdict], out: Path | None) -> None:
    """Say what survives as it is found, and at the end how many do."""
    judged: list[Verdict] = []
    for each in done:
        judged.append(each)
        if out:
            row = {"mark": each.mutant.mark, **asdict(each.mutant)}
            row |= {"killed_by": each.killed_by, "hung": each.hung, "said": each.said}
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        if not each.killed_by:
            print(f"survives  {each.mutant.mark}  {each.mutant}", flush=True)
        for test in each.hung:
            print(f"hangs     {each.mutant.mark}  {test}", flush=True)
    killed = sum(bool(each.killed_by) for each in judged)
    hung = [each for each in judged if each.hung]
    print(
        f"{killed} of {len(judged)} killed ({killed / max(1, len(judged)):.1%}); "
        f"{len(hung)} let a test hang, "
        f"{sum(not each.killed_by for each in hung)} of them with no other that fails"
    )


def main() -> None:
    form = RawDescriptionHelpFormatter
    parser = ArgumentParser("tools.mutation", description=__doc__, formatter_class=form)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=170)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--most", type=float, help="seconds of tests for each change")
    parser.add_argument("--hangs", type=float, default=HANGS, help="seconds of a test")
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--learnt", type=Path, default=LEARNT, help="where it is kept")
    parser.add_argument("--out", type=Path, help="a line of JSON for each change")
    parser.add_argument("--again", type=Path, help="a file of --out: its survivors")
    parser.add_argument("--tests", nargs="+", default=(), help="only these")
    parser.add_argument("--marker", default=MARKER)
    parser.add_argument("--tests-of", default="", metavar="COMMIT")
    parser.add_argument("--list", action="store_true", help="only say what is drawn")
    chosen = parser.parse_args()
    if chosen.learn:
        of = {"tests_of": chosen.tests_of, "places": chosen.tests}
        learn(chosen.learnt, marker=chosen.marker, **of)
        known = Learnt(chosen.learnt)
        print(f"{len(known.tests)} tests; fail without a change: {known.failed}")
        return
    drawn = read(chosen.again) if chosen.again else sample(chosen.seed, chosen.count)
    if chosen.list:
        sys.stdout.writelines(f"{each.mark}  {each}\n" for each in drawn)
        return
    report(verdicts(drawn, chosen), chosen.out)


if __name__ == "__main__":
    main()
