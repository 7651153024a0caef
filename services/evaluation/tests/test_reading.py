import pytest

from gyre_evaluation.suites import read_suite
from gyre_evaluation.suites.reading import MAX_BYTES
from gyre_service.errors import Rejected

GOOD = """\
name: golden
description: Our own questions.
floors:
  exact_or_contained: 0.8
items:
  - id: one
    question: How high is it?
    category: number
    passages:
      - document: a.md
        page: 3
        text: It is 1,000 metres high.
    expected: ["1,000 metres", no]
  - id: two
    question: Who built it?
    passages:
      - {document: a.md, text: It is old.}
    refusal: true
"""


def test_a_suite_is_read() -> None:
    suite = read_suite(GOOD)

    assert suite.name == "golden"
    assert suite.floors == {"exact_or_contained": 0.8}
    first, second = suite.items
    assert first.expected == ("1,000 metres", "no")  # not False
    assert first.passages[0].page == 3
    assert second.refusal
    assert second.expected == ()


def test_one_expected_answer_needs_no_list() -> None:
    assert read_suite(GOOD.replace('["1,000 metres", no]', "1889")).items[0].expected == ("1889",)


def test_a_file_without_a_name_takes_the_one_asked_for() -> None:
    text = GOOD.replace("name: golden\n", "")

    assert read_suite(text, "mine").name == "mine"
    assert read_suite(GOOD, "golden") == read_suite(GOOD)


def test_the_digest_is_of_the_content_and_not_of_its_form() -> None:
    digest = read_suite(GOOD).digest
    other = GOOD.replace("page: 3\n        text: It is 1,000", "text: It is 1,000")

    assert len(digest) == 64
    assert read_suite("# a comment\n" + GOOD.replace('"1,000 metres"', "1,000 metres")).digest
    assert read_suite("# a comment\n" + GOOD).digest == digest
    assert read_suite(other).digest != digest


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a suite is a mapping"),
        ("- a\n- b\n", "a suite is a mapping"),
        ("just words", "a suite is a mapping"),
        ("name: [", "line 2, column 1: not YAML"),
        ("name: a\n\tb: c", "not YAML"),
        ("name: a\x00b", "not YAML"),
        ("name: a\n---\nname: b\n", "not YAML"),
        ("name: a\nname: b\n", "line 2: 'name' is there twice"),
        ("? [a]\n: b\n", "line 1: a key must be a word"),
        ("a: &x 1\nb: *x\n", "line 1: anchors and aliases are not allowed"),
        ("[" * 11 + "]" * 11, "line 1: nested deeper than 10"),
        ("[" * 100_000, "nested deeper than 10"),
        ("#" * (MAX_BYTES + 1), f"at most {MAX_BYTES} bytes"),
        (changed("name: golden\n", ""), "line 1, name: is missing"),
        (changed("name: golden", "name: My Suite"), "line 1, name: String should match"),
        (changed("description: Our own questions.\n", ""), "line 1, description: is missing"),
        (changed("description:", "descriptoin:"), "line 2, descriptoin: is not a field here"),
        (changed("0.8", "80"), "line 4, floors.exact_or_contained: Input should be less than"),
        (changed("0.8", "high"), "line 4, floors.exact_or_contained: Input should be a valid num"),
        (changed("exact_or_contained", "bleu"), "line 3, floors: 'bleu' has no floor: choose from"),
        (changed("exact_or_contained", "latency_p50_s"), "'latency_p50_s' has no floor"),
        (GOOD[: GOOD.index("items")] + "items: []\n", "line 5, items: needs at least one"),
        (GOOD[: GOOD.index("items")] + "items: none\n", "line 5, items: must be a list"),
        (changed("id: two", "id: one"), "line 5, items: the id 'one' is there 2 times"),
        (changed("id: two", "id: a b"), "line 14, items[1].id: String should match pattern"),
        (changed("question: Who built it?", "question: ''"), "line 15, items[1].question: String"),
        (changed("page: 3", "page: three"), "line 11, items[0].passages[0].page: Input should be"),
        (changed("page: 3", "page: 0"), "line 11, items[0].passages[0].page: Input should be grea"),
        (changed("refusal: true", "refusal: maybe"), "line 18, items[1].refusal: Input should be"),
        (changed("    refusal: true\n", ""), "line 14, items[1]: give exactly one of `expected`"),
        (changed("refusal: true", "refusal: true\n    expected: x"), "items[1]: give exactly one"),
        (changed("refusal: true", "refusal: false"), "items[1]: give exactly one of `expected`"),
        (changed("refusal: true", "refusal: true\n    absent: old"), "passage 1 says 'old'"),
        (changed("category: number", "absent: x"), "`absent` belongs to an item with `refusal"),
        (changed("category: number", "expect: x"), "line 8, items[0].expect: is not a field here"),
        (changed('["1,000 metres", no]', "[the]"), "line 13, items[0].expected: 'the' needs 1 to"),
        (changed('["1,000 metres", no]', "[]"), "items[0]: give exactly one of `expected`"),
        (changed('["1,000 metres", no]', "[[a]]"), "line 13, items[0].expected[0]: Input should"),
        (changed('["1,000 metres", no]', "[" + "a b " * 61 + "]"), "needs 1 to 60 words"),
        (
            changed("- {document: a.md, text: It is old.}", "[]"),
            "items[1].passages: needs at least one",
        ),
        (changed("document: a.md, text", "text"), "line 17, items[1].passages[0].document: is mis"),
    ],
)
def test_a_wrong_suite_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(Rejected) as caught:
        read_suite(text)

    assert message in str(caught.value)


def test_a_name_that_is_not_the_one_asked_for_is_refused() -> None:
    with pytest.raises(Rejected, match="line 1, name: is 'golden', asked was for 'silver'"):
        read_suite(GOOD, "silver")


def test_several_mistakes_are_told_at_once_but_not_all() -> None:
    items = "".join("  - {id: x}\n" for _ in range(4))
    with pytest.raises(Rejected) as caught:
        read_suite(f"name: many\ndescription: d\nitems:\n{items}")

    assert str(caught.value).count("is missing") == 5
    assert str(caught.value).endswith("; and 3 more")
