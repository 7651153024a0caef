import pytest

from gyre_inference.estimating import prompt_tokens_of, tokens_of
from gyre_inference.generation import Turn

# What the tokenizer of Gemma 3 makes of it.
GEMMA = {
    "Die Kündigungsfrist beträgt vier Wochen zum Ende eines Kalendermonats.": 17,
    "2,048 12.5 1999-12-31 +49 89 1234567 ": 36,
    "員工每年可以享受二十天的帶薪年假": 10,
    "def tokens_of(text: str) -> int:\n    return len(text)\n": 20,
}


@pytest.mark.parametrize("text", GEMMA)
def test_an_estimate_is_no_less_than_a_real_tokenizers(text: str) -> None:
    assert GEMMA[text] <= tokens_of(text) <= 4 * GEMMA[text]


def test_nothing_has_no_tokens_and_any_sign_has_one() -> None:
    assert tokens_of("") == tokens_of("   ") == 0
    assert tokens_of("\n\n.\t") == 4


def test_a_digest_is_counted_digit_by_digit() -> None:
    assert tokens_of("0af3" * 100) >= 400


def test_a_prompt_has_room_for_its_template() -> None:
    one, two = (prompt_tokens_of([Turn("user", "Who?")] * count) for count in (1, 2))

    assert one > two - one > tokens_of("Who?")
