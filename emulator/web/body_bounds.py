"""What the bodies of requests may cost: counted before they are parsed, then in steps.

Whatever is in a body, what is made of it takes at most ``MEMORY_RATIO`` times its
bytes: what would take more is refused before any of it is made.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator
from math import isinf
from typing import Any

import msgspec
from msgspec import Struct

from emulator.domain.emulator_refusals import BODIES_BUSY, TOO_MANY_NODES
from emulator.domain.platform_refusals import UNREADABLE
from emulator.domain.refusals import Refusal

MEBIBYTE = 1024 * 1024
NODE_LIMIT = 2_000_000  # values and names of a body of JSON
TOTAL_LIMIT = 64 * MEBIBYTE  # bytes of all bodies that are in work at once
RETRY_SECONDS = 1
RETRY_HEADER = (b"retry-after", b"%d" % RETRY_SECONDS)

UNWEIGHED = 256 * 1024  # bytes of a body that may be as dense as it likes
MEMORY_RATIO = 10  # times its bytes, beside the bytes themselves and a copy of them
BYTES_PER_NODE = 8  # of a command that may have more nodes than the limit
WHOLE = 4 * MEBIBYTE  # bytes that are parsed at a stretch: 30 ms
PIECE = MEBIBYTE  # bytes of a larger body that are parsed at a stretch
SCANNED = 64 * 1024  # bytes that are counted at a stretch
DEEPEST = 8  # levels that are taken apart
MOST_CUTS = 8  # places that are tried as the end of a piece

# What Python makes of JSON, in bytes, on a 64-bit machine.
EMPTY_OBJECT, FIRST_FIELDS, FURTHER_FIELD = 64, 120, 136
FIELDS_AT_FIRST = 5  # of an object; more need another table, and names of their own
ARRAY, SLOT, TEXT, NUMBER = 64, 17, 52, 32  # a table that grows is copied
WIDER_TEXT = 24  # more, where not all of it is in Latin letters
BACKSLASHES = re.compile(rb"\\*")
CUTS = {
    ord("{"): re.compile(rb"(?<=\})\s*,(?=\s*\{)"),
    ord("["): re.compile(rb"(?<=\])\s*,(?=\s*\[)"),
}
ANY_CUT = re.compile(rb",")
LATIN = bytes(range(0xC4))  # ASCII, what goes on, and the first letters beyond
PLANE = bytes(range(0xF0))  # and all that 16 bits hold
BLANKS = b" \t\r\n"

LARGEST_EXACT = 2**53  # of a whole number that is written with a point


def _read_number(digits: str) -> int | float:
    """Return a number with a point or an exponent; a whole one is an int.

    To a schema ``1.0`` is an integer, to Python it is none.
    """
    number = float(digits)
    if isinf(number):
        message = "Number out of range"
        raise ValueError(message)
    is_whole = number.is_integer() and abs(number) <= LARGEST_EXACT
    return int(number) if is_whole else number


decode_json = msgspec.json.Decoder(float_hook=_read_number).decode


class BodyBounds:
    """The bounds of one process, and how many bytes are in work."""

    def __init__(self, nodes: int = NODE_LIMIT, total: int = TOTAL_LIMIT) -> None:
        self._nodes = nodes
        self._total = total
        self.unchecked = min(nodes, UNWEIGHED)  # bytes of a body that is not counted
        self.in_work = 0

    def check_json(self, octets: bytes, *, is_command: bool = False) -> Iterator[None]:
        """Count what is in a body; yield where other tasks may run.

        A command's may have more if it is large, as snapshots are.  Refuses with
        ``TOO_MANY_NODES`` what has too many values, or too small ones.
        """
        size = len(octets)
        limit = max(self._nodes, size // BYTES_PER_NODE if is_command else 0)
        if _is_light(_count_marks(octets), limit):
            return
        marks = JsonMarks()
        for piece in count_outside_strings(octets):  # where there may be commas, too
            marks.add(piece)
            yield
        if not _is_light(marks, limit):
            _refuse_malformed(octets)
            why = (
                f"it holds about {marks.nodes} values and names; the setting "
                f"json_node_limit admits {self._nodes}, and of small values fewer"
            )
            raise Refusal(TOO_MANY_NODES, why, limit=self._nodes)


class BodyShare:
    """The bytes of one request among those that are in work."""

    __slots__ = ("_bounds", "_size")

    def __init__(self, bounds: BodyBounds) -> None:
        self._bounds = bounds
        self._size = 0

    def take(self, count: int) -> None:
        """Take *count* bytes more.

        Refuses with ``BODIES_BUSY`` where others have so many in work; a single
        request has room.
        """
        bounds = self._bounds
        if bounds.in_work + count > bounds._total and bounds.in_work > self._size:  # noqa: SLF001 - two parts of one thing
            why = (
                "the bodies of other requests are being worked on; this is no fault "
                f"rule. Ask again in {RETRY_SECONDS} s (--body-total-limit)"
            )
            raise Refusal(BODIES_BUSY, why)
        bounds.in_work += count
        self._size += count

    def release(self) -> None:
        """Give back all that was taken."""
        self._bounds.in_work -= self._size
        self._size = 0


class JsonMarks(Struct):
    """How many of each mark there are outside of strings, or at most."""

    objects: int = 0
    arrays: int = 0
    colons: int = 0
    commas: int = 0
    quotes: int = 0
    size: int = 0
    foreign: int = 0  # bytes that begin what is beyond Latin letters
    width: int = 1  # bytes that each character of a text with such takes

    def add(self, marks: "JsonMarks") -> None:
        self.objects += marks.objects
        self.arrays += marks.arrays
        self.colons += marks.colons
        self.commas += marks.commas
        self.quotes += marks.quotes
        self.size += marks.size
        self.foreign += marks.foreign
        self.width = max(self.width, marks.width)

    @property
    def nodes(self) -> int:
        """How many values and names there are, at most."""
        return self.objects + self.arrays + self.colons + self.commas + 1

    @property
    def weight(self) -> int:
        """How many bytes Python needs for them, beside the texts themselves."""
        containers = self.objects + self.arrays
        texts = max(self.quotes // 2 - self.colons, 0)  # names are shared
        values = max(self.commas + containers + 1, self.colons)
        wide = min(texts, self.foreign)
        longer = (self.width - 1) * self.size // max(texts, 1)
        return (
            self.objects * EMPTY_OBJECT
            + min(self.objects, self.colons) * FIRST_FIELDS
            + max(self.colons - self.objects * FIELDS_AT_FIRST, 0) * FURTHER_FIELD
            + self.arrays * ARRAY
            + (values - self.colons) * SLOT
            + texts * TEXT
            + wide * (WIDER_TEXT + longer)
            + max(values - containers - texts, 0) * NUMBER
        )


def _is_light(marks: JsonMarks, limit: int) -> bool:
    if marks.nodes > limit:
        return False
    return marks.size <= UNWEIGHED or marks.weight <= MEMORY_RATIO * marks.size


def _count_marks(octets: bytes) -> JsonMarks:
    marks = JsonMarks(
        octets.count(b"{"),
        octets.count(b"["),
        octets.count(b":"),
        octets.count(b","),
        octets.count(b'"'),
        len(octets),
    )
    if not octets.isascii():
        foreign = octets.translate(None, LATIN)
        marks.foreign = len(foreign)
        if foreign:
            marks.width = 4 if foreign.translate(None, PLANE) else 2
    return marks


def count_outside_strings(octets: bytes) -> Iterator[JsonMarks]:
    """Yield the marks of *octets* piece by piece, without those in strings."""
    start, inside = 0, 0  # whether a piece begins inside a string
    while start < len(octets):
        end = min(start + SCANNED, len(octets))
        escape = BACKSLASHES.match(octets, end)
        end = escape.end() + 1 if escape else end  # so that no escape is cut
        plain = octets[start:end].replace(b"\\\\", b"").replace(b'\\"', b"")
        parts = plain.split(b'"')
        marks = _count_marks(octets[start:end])
        plain = b"".join(parts[inside::2])
        marks.objects, marks.arrays = plain.count(b"{"), plain.count(b"[")
        marks.colons, marks.commas = plain.count(b":"), plain.count(b",")
        marks.quotes = len(parts) - 1
        yield marks
        inside ^= marks.quotes & 1
        start = end


# --- Parsed ---------------------------------------------------------------------------


async def parse_body(
    octets: bytes, bounds: BodyBounds, *, is_command: bool = False
) -> Any:
    """Return what ``parse_json`` does, in steps; refuses more than *bounds* admit."""
    if len(octets) > bounds.unchecked:
        for _ in bounds.check_json(octets, is_command=is_command):
            await asyncio.sleep(0)
    if len(octets) <= WHOLE:
        return parse_json(octets)
    try:
        return await parse_in_steps(octets)
    except (ValueError, RecursionError) as error:
        raise _make_malformed_refusal(octets, error) from None


def parse_json(octets: bytes) -> Any:
    """Return the JSON in *octets*; of equal keys the last one counts.

    Refuses everything else: NaN, invalid UTF-8, a lone surrogate, an integer or a
    nesting beyond all measure.
    """
    try:
        return decode_json(octets)
    except (ValueError, RecursionError) as error:
        raise _make_malformed_refusal(octets, error) from None


def _make_malformed_refusal(octets: bytes, error: Exception) -> Refusal:
    why = f"the body is not JSON: {error}" if octets else "the body is empty"
    return Refusal(UNREADABLE, why)


def _refuse_malformed(octets: bytes) -> None:
    """Refuse what is no JSON, without making anything of it."""
    try:
        msgspec.json.decode(octets, type=msgspec.Raw)
    except (ValueError, RecursionError) as error:
        raise _make_malformed_refusal(octets, error) from None


async def parse_in_steps(octets: Any, depth: int = 0) -> Any:
    """Return the JSON in *octets*; other tasks run between two pieces of it.

    Raises ``ValueError`` or ``RecursionError`` for what is no JSON.
    """
    await asyncio.sleep(0)
    view = memoryview(octets)
    if len(view) <= PIECE or depth > DEEPEST:
        return decode_json(view)
    first = next((each for each in view if each not in BLANKS), None)
    if first == ord("{"):
        members = msgspec.json.decode(view, type=dict[str, msgspec.Raw])
        return dict(
            zip(members, await _parse_each(members.values(), depth), strict=True)
        )
    if first == ord("["):
        return await _parse_array(view, depth)
    return decode_json(view)


async def _parse_array(view: memoryview, depth: int) -> list[Any]:
    """Return an array, which is cut between two of its items wherever that works.

    A piece that is JSON by itself was cut at a right place: what stands before a cut
    is read in the same way with what follows as without.
    """
    found: list[Any] = []
    start = bytes(view[: PIECE // 2]).index(b"[") + 1
    while len(view) - start > PIECE:
        piece, end = _cut_piece(view, start)
        if not piece:
            return found + await _parse_items(view[start:], depth)
        found += piece
        start = end + 1
        await asyncio.sleep(0)
    rest: list[Any] = decode_json(b"[" + view[start:])
    if found and not rest:
        message = "JSON is malformed: a comma before the end of an array"
        raise ValueError(message)
    return found + rest


def _cut_piece(view: memoryview, start: int) -> tuple[list[Any], int]:
    """Return some of the next items, and where the comma behind them is."""
    opening = next((each for each in view[start : start + 64] if each not in BLANKS), 0)
    pattern = CUTS.get(opening, ANY_CUT)
    for tried, cut in enumerate(pattern.finditer(view, start + PIECE)):
        if tried == MOST_CUTS:
            break
        end = cut.end() - 1
        try:
            return decode_json(b"[" + view[start:end] + b"]"), end
        except ValueError:  # inside a string, or an item
            continue
    return [], start


async def _parse_items(rest: memoryview, depth: int) -> list[Any]:
    """Return the items of an array from its middle on, each by itself."""
    items = msgspec.json.decode(b"[" + rest, type=list[msgspec.Raw])
    if not items:
        message = "JSON is malformed: a comma before the end of an array"
        raise ValueError(message)
    return await _parse_each(items, depth)


async def _parse_each(parts: Iterable[msgspec.Raw], depth: int) -> list[Any]:
    """Return the JSON in each of *parts*; other tasks run between some of them."""
    found, size = [], 0
    for each in parts:
        length = memoryview(each).nbytes
        if length > PIECE:
            found.append(await parse_in_steps(each, depth + 1))
            continue
        found.append(decode_json(each))
        size += length
        if size > PIECE:
            size = 0
            await asyncio.sleep(0)
    return found
