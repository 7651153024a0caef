import sys

import pytest

from gyre_inference.launching import UNUSED, as_if_not_installed


def test_what_is_hidden_from_vllm_is_there_again_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in UNUSED:
        monkeypatch.delitem(sys.modules, name, raising=False)
    with as_if_not_installed(UNUSED), pytest.raises(ModuleNotFoundError):
        __import__(UNUSED[0])

    assert not set(UNUSED) & set(sys.modules)
