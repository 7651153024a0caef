import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gyre_ingestion.chunking import MAX_OVERLAP_WORDS, chunks_of, count_words, sentences
from gyre_ingestion.reading import Block, Kind
from gyre_service.errors import Rejected

PROSE = st.lists(
    st.text(alphabet=st.sampled_from("abc XY.!?\u65e5\u3002"), min_size=1, max_size=300),
    min_size=1,
    max_size=8,
)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def prose(count: int, sentence: int = 10) -> Block:
    parts = [f"Word{n}" + (". " if n % sentence == sentence - 1 else " ") for n in range(count)]
    return Block(Kind.PROSE, "".join(parts).strip())


@given(PROSE, st.integers(5, 60))
def test_no_word_is_lost_and_no_chunk_is_too_long(texts: list[str], most: int) -> None:
    blocks = [Block(Kind.PROSE, " ".join(t.split())) for t in texts if t.strip()]

    chunks = chunks_of(blocks, most)

    found = "".join(chunk.text for chunk in chunks)
    for block in blocks:
        for word in words(block.text):
            if count_words(word) == 1:
                assert word in found
    assert all(count_words(c.text) <= most + MAX_OVERLAP_WORDS for c in chunks)
    assert all(chunk.text.strip() for chunk in chunks)
    assert chunks == chunks_of(blocks, most)


def test_chunks_are_even_and_overlap_by_a_sentence() -> None:
    chunks = chunks_of([prose(330)], 160)

    assert len(chunks) == 3
    assert all(100 <= count_words(chunk.text) <= 170 for chunk in chunks)
    for before, after in pairwise(chunks):
        assert sentences(before.text)[-1] == sentences(after.text)[0]


def test_sections_are_not_mixed_and_keep_their_path() -> None:
    blocks = [
        Block(Kind.HEADING, "Manual", level=1),
        Block(Kind.HEADING, "Doors", level=2),
        Block(Kind.PROSE, "Open it."),
        Block(Kind.HEADING, "Empty", level=2),
        Block(Kind.HEADING, "Boats", level=1),
        Block(Kind.PROSE, "Row."),
    ]

    chunks = [(chunk.heading, chunk.text) for chunk in chunks_of(blocks)]

    assert chunks == [("Manual > Doors", "Open it."), ("Manual", "Empty"), ("Boats", "Row.")]


def test_code_that_fits_is_whole_and_a_table_repeats_its_top() -> None:
    code = Block(Kind.LINES, "\n".join(f"x{n} = {n}" for n in range(20)))
    table = Block(Kind.TABLE, "\n".join(["name | price", *(f"boat{n} | {n}" for n in range(60))]))

    chunks = chunks_of([prose(100), code, table], 100)

    assert sum(code.text in chunk.text for chunk in chunks) == 1
    parts = [chunk.text for chunk in chunks if "boat" in chunk.text]
    assert len(parts) > 1
    assert all("name | price\nboat" in part for part in parts)


def test_one_endless_word_is_cut() -> None:
    chunks = chunks_of([Block(Kind.PROSE, "x" * 10_000)], 100)

    assert "".join(chunk.text for chunk in chunks) == "x" * 10_000
    assert all(len(chunk.text) <= 1200 for chunk in chunks)


def test_the_page_is_where_the_chunk_begins() -> None:
    blocks = [Block(Kind.PROSE, prose(150).text, page=n) for n in (1, 2, 3)]

    assert {chunk.page for chunk in chunks_of(blocks)} == {1, 2, 3}


def test_a_size_of_nothing_is_rejected() -> None:
    with pytest.raises(Rejected, match="at least 1"):
        chunks_of([prose(3)], 0)
