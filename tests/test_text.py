"""Texts: the alphabet, transliteration, placeholders, parts, columns."""

import re
from collections.abc import Mapping
from itertools import chain
from string import ascii_uppercase

import gsm0338  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.contract.shape import BodyMismatch
from emulator.domain.recipients import (
    find_uneven_field,
    format_cellphone,
    make_column,
    parse_recipients,
)
from emulator.domain.text import (
    GSM_BASIC,
    GSM_CHARACTERS,
    GSM_EXTENSION,
    LINK_MARK,
    MERGE_FIELDS,
    MERGE_LETTERS,
    LengthFlags,
    format_placeholder,
    list_url_hosts,
    parse_template,
    transliterate_to_gsm,
)
from tests.support.emulator import read_contract, set_examples

FIXED = set_examples()
CODEC = gsm0338.Codec()
ESCAPE = "\x1b"  # to the extension table; no character that could be sent
SURROGATES = range(0xD800, 0xE000)  # half characters, which no string may hold
EVERY_CHARACTER = [chr(each) for each in range(0x11000) if each not in SURROGATES]

# --- The alphabet ------------------------------------------------------------


def septets(character: str) -> int:
    """Return how many septets another implementation needs, 0 where it cannot."""
    try:
        octets, _ = CODEC.encode(character)
    except UnicodeEncodeError:
        return 0
    return len(octets)


@pytest.mark.manual("SMS-27", "LOST-11")
def test_the_alphabet_is_that_of_another_implementation() -> None:
    needed = {character: septets(character) for character in EVERY_CHARACTER}

    assert {each for each, count in needed.items() if count == 1} == (
        GSM_BASIC | {ESCAPE}
    )
    assert {each for each, count in needed.items() if count == 2} == GSM_EXTENSION
    assert (len(GSM_BASIC), len(GSM_EXTENSION)) == (127, 10)


@pytest.mark.manual("SMS-25", "SMS-27", "LOST-11")
@pytest.mark.parametrize("operation", ["createCampaign", "createSmsClicCampaign"])
def test_the_contract_has_the_same_alphabet(operation: str) -> None:
    shape = read_contract().operations[operation].body_shape
    assert shape is not None
    order = {"recipients": [{"cellphone": "4498987282"}], "route": 87, "url": 4}
    mark = "<+DYNAMICSHORTURL_X+>"

    def notes(character: str) -> str:
        reading = shape.read_body({**order, "text": mark + character}, frozenset())
        return ", ".join(reading.notes)

    alphabet = dict.fromkeys(GSM_BASIC, "") | dict.fromkeys(GSM_EXTENSION, "SMS-27")
    wrong = [
        character
        for character in EVERY_CHARACTER[:0x3000]  # and a sample of the rest
        + EVERY_CHARACTER[0x3000::97]
        if notes(character) != alphabet.get(character, "SMS-25")
    ]
    assert wrong == []


@pytest.mark.manual("SMS-25")
@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("áéíóúüñ ÁÉÍÓÚÜÑ ¿¡", "aéiouüñ AÉIOUÜÑ ¿¡"),  # é, É, ü, ñ are in GSM 03.38
        ("àèìòù çÇ ãõ âêî", "àèìòù cÇ ao aei"),
        ("€ [x] {y} ~ ^ | \\", "€ [x] {y} ~ ^ | \\"),
        ("½ ﬁ ①", "1 f 1"),  # each by the first of what it stands for
        ("“comillas” — 你 😀 `", "?comillas? ? ? ? ?"),
        ("a\tb\nc\r", "a?b\nc\r"),
        ("", ""),
    ],
)
def test_what_gsm_lacks_is_replaced(sent: str, read: str) -> None:
    assert transliterate_to_gsm(sent) == read


@pytest.mark.manual("SMS-25")
@FIXED
@given(st.text())
def test_a_transliterated_text_is_gsm_and_as_long(text: str) -> None:
    plain = transliterate_to_gsm(text)

    assert set(plain) <= GSM_CHARACTERS
    assert len(plain) == len(text)
    assert transliterate_to_gsm(plain) == plain


@pytest.mark.manual("SMS-25")
@FIXED
@given(st.text(st.sampled_from(sorted(GSM_CHARACTERS))))
def test_a_text_in_gsm_stays_as_it_is(text: str) -> None:
    assert transliterate_to_gsm(text) == text


@pytest.mark.manual("SMS-25")
@FIXED
@given(st.text(), st.text())
def test_characters_are_replaced_one_by_one(one: str, other: str) -> None:
    assert transliterate_to_gsm(one + other) == transliterate_to_gsm(
        one
    ) + transliterate_to_gsm(other)


# --- Placeholders ------------------------------------------------------------

WORDS = st.text("ab <+>BCDEFGé", max_size=12)
PIECES = st.one_of(
    WORDS,
    st.sampled_from([f"<+{each}+>" for each in ascii_uppercase[:8]]),
    st.just("<+DYNAMICSHORTURL_IVX4+>"),
)
TEXTS = st.lists(PIECES, max_size=8).map("".join)
VALUES = st.dictionaries(st.sampled_from([*MERGE_FIELDS, LINK_MARK]), WORDS)
PLACEHOLDER = re.compile(r"<\+(?:([B-F])|DYNAMICSHORTURL_[A-Z0-9]+)\+>")


@pytest.mark.manual("SMS-03", "SMS-08", "CLC-06")
@FIXED
@given(TEXTS, VALUES)
def test_a_filled_text_is_what_a_search_and_replace_gives(
    text: str, values: Mapping[str, str]
) -> None:
    def value(found: re.Match[str]) -> str:
        return values.get(MERGE_LETTERS[found[1]] if found[1] else LINK_MARK, "")

    assert parse_template(text, links=True).fill_marks(values) == PLACEHOLDER.sub(
        value, text
    )


@pytest.mark.manual("SMS-03")
@FIXED
@given(TEXTS)
def test_a_text_filled_with_its_own_placeholders_is_itself(text: str) -> None:
    template = parse_template(text)

    assert (
        template.fill_marks({name: format_placeholder(name) for name in MERGE_FIELDS})
        == text
    )
    assert template.text == text
    assert len(template.literals) == len(template.marks) + 1


@pytest.mark.manual("SMS-03", "SMS-06")
def test_each_letter_stands_for_its_field() -> None:
    assert [(format_placeholder(name), name) for name in MERGE_FIELDS] == [
        ("<+B+>", "name"),
        ("<+C+>", "field1"),
        ("<+D+>", "field2"),
        ("<+E+>", "field3"),
        ("<+F+>", "field4"),
    ]


@pytest.mark.manual("CLC-06")
def test_a_link_mark_is_text_where_there_are_no_links() -> None:
    text = "<+B+> <+DYNAMICSHORTURL_IVX4+>"

    assert parse_template(text).marks == ("name",)
    assert parse_template(text, links=True).marks == ("name", LINK_MARK)


# --- Length ------------------------------------------------------------------

FLAGS = st.builds(
    LengthFlags,
    encode_3=st.booleans(),
    encode_2=st.booleans(),
    encode=st.booleans(),
    long_message=st.booleans(),
)


@pytest.mark.manual("SMS-02", "SMS-20", "SMS-21", "SMS-22", "SMS-23", "SMS-24")
@pytest.mark.parametrize(
    ("flags", "limit", "most"),
    [
        (LengthFlags(), 160, 1),
        (LengthFlags(encode=True), 70, 1),
        (LengthFlags(encode_2=True), 128, 2),
        (LengthFlags(encode_3=True), 192, 3),
        (LengthFlags(long_message=True), 306, 2),
        (LengthFlags(encode=True, long_message=True), 70, 1),
        (LengthFlags(encode_2=True, encode=True), 128, 2),
        (LengthFlags(encode_3=True, encode_2=True, encode=True), 192, 3),
    ],
)
def test_limits_and_parts_go_by_the_flags(
    flags: LengthFlags, limit: int, most: int
) -> None:
    assert flags.limit == limit
    assert [flags.count_parts(1), flags.count_parts(limit)] == [1, most]


@pytest.mark.manual("SMS-44")
@FIXED
@given(FLAGS, st.integers(1, 306))
def test_a_longer_text_has_no_fewer_parts(flags: LengthFlags, characters: int) -> None:
    if characters < flags.limit:
        assert flags.count_parts(characters) <= flags.count_parts(characters + 1)


@pytest.mark.manual("SMS-24")
@FIXED
@given(FLAGS)
def test_the_contract_has_the_same_limits(flags: LengthFlags) -> None:
    shape = read_contract().operations["createCampaign"].body_shape
    assert shape is not None
    order = {
        "recipients": [{"cellphone": "4498987282"}],
        "route": 87,
        "encode_3": flags.encode_3,
        "encode_2": flags.encode_2,
        "encode": flags.encode,
        "long_message": flags.long_message,
    }

    shape.read_body({**order, "text": "x" * flags.limit}, frozenset())
    with pytest.raises(BodyMismatch, match="text: maxLength"):
        shape.read_body({**order, "text": "x" * (flags.limit + 1)}, frozenset())


# --- URLs --------------------------------------------------------------------


@pytest.mark.manual("SMS-47")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ve a https://example.org/x?y=1", ["example.org"]),
        ("http://a.example, HTTPS://B.example.", ["a.example", "b.example"]),
        ("www.example.org y nada mas", ["www.example.org"]),
        ("https://www.example.org", ["www.example.org"]),
        ("https://example.org:8080", ["example.org"]),
        ("(https://example.org)", ["example.org"]),
        ("a@example.org, example.org, 3.14", []),
        ("http:// y https:", []),
        ("", []),
    ],
)
def test_urls_are_found_in_a_text(text: str, found: list[str]) -> None:
    assert list_url_hosts(text) == found


# --- Columns of texts --------------------------------------------------------


@pytest.mark.manual("SMS-06", "SMS-09")
@FIXED
@given(st.lists(st.text(max_size=20), max_size=30))
def test_a_column_gives_back_its_texts(values: list[str]) -> None:
    kept = make_column(values)

    assert list(kept) == values
    assert [kept[index] for index in range(len(kept))] == values
    assert list(kept.iterate_lengths()) == list(map(len, values))
    assert list(kept.map_text(transliterate_to_gsm)) == list(
        map(transliterate_to_gsm, values)
    )


ROWS = st.lists(
    st.fixed_dictionaries(
        {"cellphone": st.integers(10**9, 10**10 - 1).map(str)},
        optional=dict.fromkeys(MERGE_FIELDS, st.text(max_size=5)),
    ),
    min_size=1,
    max_size=10,
)


@pytest.mark.manual("SMS-05", "SMS-06", "SMS-07")
@FIXED
@given(ROWS)
def test_recipients_by_column_are_the_rows_that_came(
    rows: list[dict[str, str]],
) -> None:
    recipients = parse_recipients(rows)
    carried = set(chain.from_iterable(rows)) - {"cellphone"}

    assert [format_cellphone(each) for each in recipients.numbers] == (
        [row["cellphone"] for row in rows]
    )
    for index, row in enumerate(rows):
        assert recipients.get_values(index) == {
            name: row.get(name, "") for name in carried
        }


@pytest.mark.manual("SMS-07")
@FIXED
@given(ROWS)
def test_rows_are_even_if_all_carry_the_same_fields(rows: list[dict[str, str]]) -> None:
    carried = {frozenset(row) for row in rows}

    assert (find_uneven_field(rows) is None) is (len(carried) == 1)
