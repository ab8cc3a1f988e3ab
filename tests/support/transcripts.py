"""Transcripts: what a story asks a world and what is said, to the letter.

A test of ``tests/told`` tells its story to a ``Scribe``, whose text is then compared
with the one that was kept in ``tests/told/transcripts``.
``python -m tools.transcripts`` keeps it anew.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import Any

from tests.support.browser import HtmlPage
from tests.support.emulator import Answer, Api, make_emulator, read_control, run_control
from tests.support.orders import HANDSETS, NUMBER

FOLDER = Path(__file__).parents[1] / "told" / "transcripts"
STREAMS = {"streamPushes", "streamEvents", "streamChanges"}
DIFFERENT = 60  # lines of a difference that are shown
WIDTH = 88
LENGTH = 1_200  # characters of an answer that is told in a line
MOST = 300  # characters of a request that is told in a line
# What the machine decides: seconds of the wall, ports, and where it serves.
CHANGES = (
    (re.compile(r'("duration": ?)[0-9.e-]+'), r"\1..."),
    (re.compile(r"[0-9.]+(?= ms\b)"), "..."),
    (re.compile(r"\b(fork|new|troubled|pushing)\d+"), r"\1..."),
    (re.compile(r"(?<=answer to )\d+"), "..."),
    (re.compile(r"eyJ[\w.-]+"), "eyJ..."),  # a token, which looks like a real one
    (re.compile(r"(pushes/)\d+"), r"\1..."),
    (re.compile(r'(data-mark=)"\w*"'), r"\1..."),
    (re.compile(r'("port": |127\.0\.0\.1:|localhost:)\d{4,5}'), r"\1..."),
)
# What is said with each answer, which other tests look at.
SAID_ANYWAY = {
    "content-type: application/json",
    "x-frame-options: DENY",
    "x-content-type-options: nosniff",
    "cross-origin-resource-policy: same-origin",
}


@dataclass
class Scribe:
    """Speaks to a world for a story, and keeps both sides of it."""

    api: Api
    lines: list[str] = field(default_factory=list)

    def begin_part(self, text: str) -> None:
        self.lines += ["", f"=== {text}", ""]

    def get(self, path: str, **options: Any) -> Answer:
        return self.ask("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Answer:
        return self.ask("POST", path, json=json, **options)

    def ask_briefly(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request, and write it and its answer down in a line each."""
        sent = {name: each for name, each in options.items() if name != "token"}
        self.lines.append(f"> {method} {path} {_shorten_text(sent)}".rstrip(" {}"))
        answer = self.api.send(method, path, **options)
        told = [answer.headers.get(each, "") for each in EXPLAINS]
        said = " | ".join(filter(None, (*told, answer.octets.decode(errors="replace"))))
        self.lines.append(f"< {answer.status} {scrub_text(said)[:LENGTH]}")
        return answer

    def ask_ids(self, method: str, path: str) -> None:
        """Write down which things a listing has, and not what it tells of them."""
        answer = self.api.send(method, f"/_emulator/{path}")
        self.lines.append(f"> {path}\n< {answer.status} {_list_ids(answer.body)}")

    def ask_control(self, method: str, path: str, json: Any = None) -> Answer:
        return self.ask(method, f"/_emulator/{path}", json=json)

    def ask(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request, and write it and its answer down."""
        self.lines.append(f"> {method} {path}")
        for name, value in options.get("headers", {}).items():
            self.lines.append(f"> {name}: {value}")
        if options.get("json") is not None:
            self.lines.append(lay_out_json(options["json"]))
        if len(content := options.get("content") or b"") < WIDTH:
            self.lines += [content.decode()] if content else []
        answer = self.api.send(method, path, **options)
        self.hear(answer)
        return answer

    def hear(self, answer: Answer) -> None:
        """Write an answer down."""
        self.lines.append(f"< {answer.status}")
        for name, value in answer.headers.items():
            line = f"{name}: {value}"
            if name != "content-length" and line not in SAID_ANYWAY:
                self.lines.append(f"< {line}")
        if "json" in answer.headers.get("content-type", "") and is_json(answer.octets):
            self.lines.append(lay_out_json(answer.body))
        else:
            text = answer.octets.decode("utf-8", "backslashreplace")
            self.lines += [each for each in text.splitlines() if each.strip()]
        self.lines.append("")

    def tell_outcomes(self, what: str, outcomes: Iterable[tuple[str, str]]) -> None:
        """Write down what comes of each value, those with the same outcome together."""
        found: dict[str, list[str]] = {}
        for value, outcome in outcomes:
            found.setdefault(outcome, []).append(value)
        self.lines.append(f"{what}:")
        for outcome, values in found.items():
            self.lines.append(f"  {outcome[:MOST]}  <- {', '.join(values)}")

    def hear_words(self, answer: Answer, *, ways: bool = False) -> None:
        """Write down what can be read of a page, and perhaps what its elements are."""
        page = HtmlPage(answer)
        found = (" ".join(each.split()) for each in page.text.splitlines())
        self.lines += filter(None, found)
        for tag, attributes in page.elements if ways else ():
            told = [f"{name}={attributes[name]}" for name in WAYS if name in attributes]
            self.lines += [f"<{tag} {' '.join(told)}>"] if told else []

    @property
    def text(self) -> str:
        return scrub_text("\n".join(self.lines)).strip() + "\n"


WAYS = ("class", "href", "action", "hx-get", "hx-post", "name", "value", "title")
EXPLAINS = ("x-emulator-why", "x-emulator-notes", "x-emulator-fault", "retry-after")
IDS = ("id", "number", "campaign", "address", "name", "cellphone", "detail", "kind")


def tell_story(story: Callable[[Scribe], None], **world: Any) -> list[str]:
    """Return the lines of a story that is told of another world."""
    with closing(make_emulator(**world)) as api:
        scribe = Scribe(api)
        story(scribe)
        return [scrub_text(each) for each in scribe.lines]


def list_differences(usual: list[str], lines: list[str]) -> Iterator[str]:
    """Yield what is another line than usual, behind the request that it answers."""
    asked = ""
    for before, after in zip(usual, lines, strict=True):
        asked = after if after.startswith(">") else asked
        if before != after:
            yield asked
            yield after


def _shorten_text(value: Any) -> str:
    text = str(value)
    return text if len(text) <= MOST else f"{text[:MOST]}... ({len(text)})"


def _list_ids(body: Any) -> Any:
    """Return what names each thing in an answer."""
    if isinstance(body, list):
        return [_list_ids(each) for each in body]
    if not isinstance(body, dict):
        return body
    names = [str(body[each]) for each in IDS if each in body]
    lists = [_list_ids(each) for each in body.values() if isinstance(each, list)]
    return [*names, *lists]


def scrub_text(text: str) -> str:
    """Return *text* without what the machine decides."""
    for found, instead in CHANGES:
        text = found.sub(instead, text)
    return text


def is_json(octets: bytes) -> bool:
    try:
        json.loads(octets)
    except ValueError:
        return False
    return True


def lay_out_json(value: Any, indent: str = "") -> str:
    """Return JSON on one line where that fits, or an entry to a line."""
    line = indent + json.dumps(value, ensure_ascii=False)
    if len(line) <= WIDTH or not value or not isinstance(value, dict | list):
        return line
    deeper = indent + " "
    if isinstance(value, list):
        parts = (lay_out_json(each, deeper) for each in value)
        return f"{indent}[\n{_join_parts(parts)}\n{indent}]"
    return f"{indent}{{\n{_join_parts(_list_entries(value, deeper))}\n{indent}}}"


def _join_parts(parts: Any) -> str:
    return ",\n".join(parts)


def _list_entries(value: Mapping[str, Any], indent: str) -> Any:
    for name, each in value.items():
        yield f"{indent}{json.dumps(name)}: {lay_out_json(each, indent).lstrip()}"


def ask_everything(scribe: Scribe) -> None:
    """Ask for all that the control API can tell of a world."""
    scribe.begin_part("what the control API tells")
    for operation in read_control().operations.values():
        path = operation.path.removeprefix("/_emulator/")
        is_plain = "{" not in path and operation.id not in STREAMS
        if operation.method == "GET" and is_plain:
            scribe.ask_control("GET", path)
    last = scribe.api.world.journal.last
    for number in sorted({1, 2, 3, 4, 5, last // 2, last} - {0}):
        scribe.ask_control("GET", f"journal/{number}")
    for each in run_control(scribe.api, "GET", "campaigns"):
        where = f"campaigns/{each['channel']}/{each['campaign']}"
        scribe.ask_control("GET", where)
        scribe.ask_control("GET", f"{where}/recipients?first=1&count=5")
        if each["channel"] == "email":
            scribe.ask_control("GET", f"{where}/emails")
    for address in (NUMBER, *HANDSETS[:5], "5500000000"):
        scribe.ask_control("GET", f"conversations/{address}")
        scribe.ask_control("GET", f"handsets/{address}")


def compare_transcript(name: str, text: str) -> None:
    """Fail where a story is not told as it was kept."""
    before = (FOLDER / f"{name}.txt").read_text("utf-8").splitlines()
    after = text.splitlines()
    found = list(unified_diff(before, after, "as it was", "as it is", lineterm="", n=2))
    message = "python -m tools.transcripts writes it anew, where that is meant"
    assert not found, "\n".join([*found[:DIFFERENT], message])
