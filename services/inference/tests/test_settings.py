import pytest

from gyre_inference.settings import Settings
from gyre_service.settings import read

MODEL = {
    "GYRE_MODEL_NAME": "tiny",
    "GYRE_MODEL_PATH": "/models/tiny",
    "GYRE_MODEL_DIGEST": "a" * 64,
}


def test_a_model_is_all_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in MODEL.items():
        monkeypatch.setenv(name, value)

    settings = Settings()

    assert settings.grpc_port == settings.port_base + 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GYRE_MODEL_NAME", None),
        ("GYRE_MODEL_PATH", None),
        ("GYRE_MODEL_DIGEST", "abc"),
        ("GYRE_DTYPE", "int3"),
        ("GYRE_MAX_IN_FLIGHT", "0"),
        ("GYRE_MAX_LORA_RANK", "7"),
        ("GYRE_HANG_S", "-1"),
        ("GYRE_PRICE_TABLE", "/nowhere/prices.toml"),
    ],
)
def test_a_wrong_value_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str | None,
) -> None:
    for known, good in MODEL.items():
        monkeypatch.setenv(known, good)
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit):
        read(Settings)

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(name)
