import json

import pytest

from gyre_client import BrokenOff
from gyre_client.streams import AnswerReader, EvaluationReader


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_stream_may_be_cut_anywhere(end: bytes) -> None:
    chunk = json.dumps(
        {"choices": [{"delta": {"content": "a\u2028\u00e4\u0085"}}]}, ensure_ascii=False
    )
    lines = [b": comment", b"data: " + chunk.encode(), b"", b"data:[DONE]", b"", b""]
    data = end.join(lines)
    reader = AnswerReader()

    texts = [text for byte in data for text in reader.feed(bytes([byte]))]

    assert texts == ["a\u2028\u00e4\u0085"]
    assert reader.answer().text == texts[0]


@pytest.mark.parametrize("data", [b"data: {\n\n", b"data: 3\n\n", b"data: null\n\n"])
def test_a_stream_of_something_else_is_an_error(data: bytes) -> None:
    with pytest.raises(BrokenOff, match="no JSON object"):
        list(AnswerReader().feed(data))


def test_an_item_that_failed_does_not_fail_the_evaluation() -> None:
    reader = EvaluationReader()
    line = b'{"type": "item", "item_id": "a", "error": "the engine stopped"}\n'

    (item,) = reader.feed(line)

    assert (item.item_id, item.error, item.passed) == ("a", "the engine stopped", False)
