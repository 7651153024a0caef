"""Answers that are right, with the right source: from files through search to the model's words."""

import os
import re

import httpx
import pytest

from ..conftest import ask, indexed, put, route

LAMP = b"The price of the steel lamp is 12 euros. The colour of the steel lamp is green.\n"
PUMP = b"The warranty of the copper pump is 3 years. The weight of the copper pump is 14 kg.\n"
ANSWERS = {
    "What is the price of the steel lamp?": ("12 euros", "lamp.txt"),
    "What is the colour of the steel lamp?": ("green", "lamp.txt"),
    "What is the warranty of the copper pump?": ("3 years", "pump.txt"),
    "What is the weight of the copper pump?": ("14 kg", "pump.txt"),
}


def test_the_reference_model_answers_from_the_right_document_or_not_at_all(
    api: httpx.Client, collection: str
) -> None:
    if os.environ.get("MODEL", "reference") != "reference":
        pytest.skip("these are the reference model's words: run with MODEL=reference")
    for name, text in (("lamp.txt", LAMP), ("pump.txt", PUMP)):
        indexed(api, put(api, collection, name, text, "text/plain")["id"])
    model = route(api, collection)

    for question, (value, source) in ANSWERS.items():
        body = ask(api, model, question)
        text = body["choices"][0]["message"]["content"]
        found = re.fullmatch(r"(.+) \[(\d)\]", text)
        assert found, f"{question} {text}"
        assert found[1] == value
        assert body["gyre"]["passages"][int(found[2]) - 1]["document"] == source

    unknown = ask(api, model, "What is the colour of the copper pump?")
    assert unknown["gyre"]["refused"] is True
