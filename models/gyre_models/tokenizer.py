"""The tokenizer: byte-level BPE, digits on their own, the generator's words in one token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from gyre_models import words
from gyre_models.facts import Generator, Style

BEGIN, END, ANSWER, PAD = "<|begin|>", "<|end|>", "<|answer|>", "<|pad|>"
VOCABULARY = 3072

# Only the last user message is read: the model has no use for instructions or earlier turns.
CHAT_TEMPLATE = (
    "{%- set found = namespace(text='') -%}"
    "{%- for message in messages if message['role'] == 'user' -%}"
    "{%- if message['content'] is string -%}{%- set found.text = message['content'] -%}"
    "{%- else -%}{%- set found.text = message['content'] | selectattr('type', 'equalto', 'text')"
    " | map(attribute='text') | join('\\n') -%}{%- endif -%}"
    "{%- endfor -%}"
    "{{- bos_token + found.text -}}"
    "{%- if messages and messages[-1]['role'] == 'assistant' -%}"
    "{{- '<|answer|>' + messages[-1]['content'] + eos_token -}}"
    "{%- elif add_generation_prompt -%}{{- '<|answer|>' -}}{%- endif -%}"
)


def train_tokenizer() -> Tokenizer:
    """Learn the merges from generated text, every word of the lists present often enough."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, BEGIN, END, ANSWER],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the files that transformers and vLLM read."""
    fast: Any = PreTrainedTokenizerFast  # its classes are only half typed
    wrapped = fast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[ANSWER],
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    wrapped.save_pretrained(folder)


def _corpus() -> list[str]:
    style = Style(passages=(4, 5), plain=0.1, novel=0.02, filler=0.5)
    generator = Generator(0, "train", style)
    texts = []
    for _ in range(6000):
        scene = generator.scene()
        texts.append(scene.context())
        texts += [f"\nQuestion: {question.text}" for question in scene.questions]
    listed = [
        *words.BRANDS, *words.MATERIALS, *words.GOODS, *words.MACHINES, *words.SUBJECTS,
        *words.FIRST_NAMES, *words.LAST_NAMES, *words.CITIES, *words.DEPARTMENTS, *words.ROLES,
        *words.MONTHS, *words.DAYS, *words.COLOURS, *words.RIVERS, *words.LANGUAGES,
    ]  # fmt: skip
    texts += [f" {word}" for word in listed] * 40
    texts += listed * 20
    return texts + [text for text in words.FILLERS + words.OFF_TOPIC for _ in range(40)]


def load_tokenizer() -> Tokenizer:
    """The committed tokenizer where there is one, else a new one."""
    path = Path(__file__).parents[1] / "reference" / "tokenizer.json"
    return Tokenizer.from_file(str(path)) if path.exists() else train_tokenizer()
