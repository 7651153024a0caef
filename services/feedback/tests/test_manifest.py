import hashlib
import json
from uuid import UUID, uuid4

import pytest

from gyre_feedback.manifest import canonical, digest, manifest


def test_the_order_of_examples_is_that_of_their_ids_and_changes_nothing() -> None:
    examples = {uuid4(): digest(bytes([n])) for n in range(20)}
    backwards = dict(reversed(examples.items()))

    content = manifest("default", examples)

    assert content == manifest("default", backwards)
    ids = [row["id"] for row in json.loads(content)["examples"]]
    assert ids == sorted(ids)


def test_any_difference_is_another_name() -> None:
    id = UUID(int=1)
    names = {
        digest(manifest("default", {})),
        digest(manifest("default", {id: "ab"})),
        digest(manifest("default", {id: "ac"})),
        digest(manifest("default", {UUID(int=2): "ab"})),
        digest(manifest("other", {id: "ab"})),
    }
    assert len(names) == 5


def test_whoever_has_the_content_can_check_its_name() -> None:
    content = manifest("default", {UUID(int=1): "ab"})

    again = json.dumps(
        json.loads(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )

    assert hashlib.sha256(again.encode()).hexdigest() == digest(content)


def test_what_is_no_json_number_has_no_form() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"score": float("nan")})
