import pytest

from gyre_evaluation.matching import occurs
from gyre_evaluation.suites import Item, shipped

ITEMS = [
    pytest.param(item, id=f"{suite.name}-{item.id}")
    for suite in shipped().values()
    for item in suite.items
]


def test_what_is_shipped() -> None:
    sizes = {suite.name: len(suite.items) for suite in shipped().values()}

    assert sizes == {"documents": 126, "retention": 20, "smoke": 12}
    assert sum(item.refusal for item in shipped()["smoke"].items) == 3


@pytest.mark.parametrize("item", ITEMS)
def test_the_evidence_decides_the_question(item: Item) -> None:
    def is_said(answer: str) -> bool:
        return any(occurs(answer, passage.text) for passage in item.passages)

    if item.refusal:
        assert item.absent, "say which answer no passage has"
        assert not any(is_said(answer) for answer in item.absent)
    else:
        assert is_said(item.expected[0])  # the others are other ways to write it


@pytest.mark.parametrize("item", ITEMS)
def test_there_is_something_to_choose_from(item: Item) -> None:
    assert 2 <= len(item.passages) <= 4


@pytest.mark.parametrize("item", ITEMS)
def test_the_question_does_not_give_the_answer_away(item: Item) -> None:
    assert not any(occurs(expected, item.question) for expected in item.expected)
