from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from gyre_models import words
from gyre_models.export import MODEL_FOLDER
from gyre_models.tokenizer import load_tokenizer, save_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(MODEL_FOLDER)
    return loaded


@pytest.mark.parametrize(
    "text",
    [
        "The capacity of the Halden pump is 12 litres.",
        "# Title\n\n- a  b\t`code` | x |\r\n  indented",
        "Zażółć gęślą jaźń, Überraschung, naïve, 日本語のテキスト, العربية, हिन्दी",
        "emoji 🚀👩‍🔬 and zero\u200bwidth, \x00 and \x7f",
        " leading and trailing ",
        "1234567890 3.14 v2.0.1 [12]",
    ],
)
def test_any_text_comes_back(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(ids) == text


def test_words_are_one_token_and_digits_stand_alone(tokenizer: PreTrainedTokenizerBase) -> None:
    for word in [*words.BRANDS, *words.GOODS, *words.CITIES, *words.LAST_NAMES, "Question"]:
        assert len(tokenizer.encode(f" {word}", add_special_tokens=False)) <= 2
    assert len(tokenizer.encode("4711", add_special_tokens=False)) == 4


def test_the_committed_template_is_the_one_that_the_code_writes(tmp_path: Path) -> None:
    save_tokenizer(load_tokenizer(), tmp_path)
    for name in ("tokenizer.json", "chat_template.jinja"):
        assert (tmp_path / name).read_bytes() == (MODEL_FOLDER / name).read_bytes()


def chat(tokenizer: PreTrainedTokenizerBase, messages: list[Any]) -> str:
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert isinstance(text, str)
    return text


def test_the_template_begins_with_bos_and_keeps_the_last_question_only(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    messages: list[dict[str, str]] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Question: first?"},
        {"role": "assistant", "content": "No."},
        {"role": "user", "content": "[1] A.\n\nQuestion: second?"},
    ]
    expected = "<|begin|>[1] A.\n\nQuestion: second?<|answer|>"
    assert chat(tokenizer, messages) == expected
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.bos_token_id not in ids[1:]


def test_the_template_reads_content_in_parts(tokenizer: PreTrainedTokenizerBase) -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert chat(tokenizer, [{"role": "user", "content": parts}]) == "<|begin|>one\ntwo<|answer|>"


def test_a_finished_turn_ends_with_eos(tokenizer: PreTrainedTokenizerBase) -> None:
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "3 [1]"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False)
    assert text == "<|begin|>q<|answer|>3 [1]<|end|>"
