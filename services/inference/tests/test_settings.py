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


def test_an_endpoint_needs_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GYRE_MODEL_NAME", "tiny")
    monkeypatch.setenv("GYRE_MODEL_DIGEST", "a" * 64)
    monkeypatch.setenv("GYRE_ENGINE", "openai")
    monkeypatch.setenv("GYRE_OPENAI_BASE_URL", "http://[::1]:8000/v1")

    assert Settings().openai_model == "tiny"


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
        ("GYRE_ENGINE", "tgi"),
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GYRE_OPENAI_BASE_URL", None),
        ("GYRE_OPENAI_BASE_URL", "localhost:8000"),
        ("GYRE_OPENAI_BASE_URL", "ftp://host/v1"),
        ("GYRE_OPENAI_BASE_URL", "http://user:key@host/v1"),
        ("GYRE_OPENAI_BASE_URL", "http://host:port/v1"),
        ("GYRE_OPENAI_BASE_URL", "http://host/v1?key=1"),
        ("GYRE_OPENAI_ADAPTERS", "some"),
        ("GYRE_OPENAI_ADAPTER_NAME", "adapter"),
        ("GYRE_OPENAI_ADAPTER_NAME", "{rank}"),
        ("GYRE_OPENAI_ADAPTER_PATH", "/mnt/{folder}"),
        ("GYRE_OPENAI_PROBE_S", "0"),
    ],
)
def test_a_wrong_endpoint_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str | None,
) -> None:
    for known, good in MODEL.items():
        monkeypatch.setenv(known, good)
    monkeypatch.setenv("GYRE_ENGINE", "openai")
    monkeypatch.setenv("GYRE_OPENAI_BASE_URL", "http://host:8000/v1")
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit):
        read(Settings)

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(name)
