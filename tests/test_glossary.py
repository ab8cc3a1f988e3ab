"""The glossary is sorted and has both languages for every word."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
LINKED_FROM = ("README.md", "docs/guide/README.md", "docs/guide/README.es.md")


def read_rows() -> list[list[str]]:
    lines = GLOSSARY.read_text("utf-8").splitlines()
    table = [each for each in lines if each.startswith("|")]
    return [[cell.strip() for cell in each.strip("|").split("|")] for each in table[2:]]


def test_the_words_are_sorted_and_none_stands_twice() -> None:
    words = [each[0].casefold() for each in read_rows()]
    assert words == sorted(set(words))


def test_every_word_and_its_sentence_are_in_both_languages() -> None:
    rows = read_rows()
    assert len(rows) >= 40
    for row in rows:
        assert len(row) == 4, row
        assert all(row), row
        english, spanish = row[2:]
        assert english.endswith("."), row
        assert spanish.endswith("."), row
        assert english != spanish, row


def test_the_glossary_is_linked_where_documents_are_listed() -> None:
    for name in LINKED_FROM:
        assert "glossary.md)" in (ROOT / name).read_text("utf-8"), name
