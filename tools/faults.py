"""Write the schema of effects into the control API: ``python -m tools.faults``.

What effects there are, and what their words may say, is ``emulator/faults``.
"""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from textwrap import indent, wrap
from typing import Any

import yaml

from emulator.faults import vocabulary
from emulator.faults.places import OPERATIONS_BY_PLACE

ROOT = Path(__file__).resolve().parent.parent
CONTROL = ROOT / "emulator" / "web" / "control.yaml"
BLOCK = re.compile(
    r"(?<=    # Written by python -m tools.faults, from here on ...\n).*?"
    r"(?=    # ... to here.\n)",
    re.DOTALL,
)
WIDTH = 119


class _Plain(yaml.SafeDumper):
    """Writes what is said twice twice."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def written(control: str) -> str:
    """Return the contract of the control API with the effects as they are now."""
    return BLOCK.sub(lambda _: indent(_schema(), "    "), control)


def _schema() -> str:
    lines = ["Effect:", "  type: object", "  description: |"]
    lines += [f"    {line}".rstrip() for line in _description()]
    lines.append("  properties:")
    for word in vocabulary.FIELDS_BY_NAME.values():
        lines += [f"    {line}" for line in _property(word.name, word.schema)]
    return "\n".join(lines) + "\n"


def _description() -> Iterator[str]:
    yield "Effects are of these kinds, and each has what may go beside it."
    yield ""
    for kind, effect in vocabulary.EFFECTS_BY_NAME.items():
        yield from _wrapped(f"- `{kind}`: {effect.DESCRIPTION}", "  ")
    yield ""
    yield from _wrapped(
        "Over SMPP an operation is called as its command is, and a receipt "
        "deliver_sm. A rule for any operation (`*`) spares enquire_link, unbind and "
        "receipts unless nothing else could feel its effect. A rule that names an "
        "operation which cannot feel its effect is refused. What can be felt:"
    )
    yield ""
    felt = {vocabulary.describe_effects_for("getUser"): ["the platform's operations"]}
    for name in chain(*OPERATIONS_BY_PLACE.values()):
        felt.setdefault(vocabulary.describe_effects_for(name), []).append(name)
    for effects, names in felt.items():
        yield from _wrapped(f"- {', '.join(names)}: {effects}", "  ")


def _wrapped(text: str, hanging: str = "") -> list[str]:
    return wrap(
        text,
        WIDTH - 8,
        subsequent_indent=hanging,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _property(name: str, schema: Any) -> list[str]:
    """Return a property in one line where it fits, and else in several."""
    short = _flow({name: schema})
    if len(short) + 8 <= WIDTH or "enum" in schema:
        return [short]
    text: str = yaml.dump({name: schema}, Dumper=_Plain, sort_keys=False, width=WIDTH)
    return text.rstrip().splitlines()


def _flow(said: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(
        said, default_flow_style=True, sort_keys=False, width=10_000
    )
    return text.strip().removeprefix("{").removesuffix("}")


def main() -> None:
    CONTROL.write_text(written(CONTROL.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
