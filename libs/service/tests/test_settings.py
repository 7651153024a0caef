from pathlib import Path
from typing import Annotated, Any, Self

import pytest
from pydantic import SecretStr, create_model, field_validator, model_validator

from gyre_service.settings import ServiceSettings, read


def test_home_and_port_base_are_enough(tmp_path: Path) -> None:
    settings = ServiceSettings(service="evaluation", home=tmp_path, port_base=9000)

    assert settings.kafka_servers == "127.0.0.1:9002"
    assert settings.grpc_port == 9018
    assert settings.health_port == 9019
    assert settings.inference_address == "127.0.0.1:9001"
    assert settings.retrieval_address == "127.0.0.1:9014"
    url = settings.database_url.get_secret_value()
    assert url == f"sqlite+aiosqlite:///{tmp_path}/data/evaluation.db"
    assert settings.blob_url == f"{tmp_path}/blobs"


def test_inference_serves_beside_the_gateway() -> None:
    assert ServiceSettings(service="inference", port_base=9000).grpc_port == 9001


def test_what_is_told_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GYRE_KAFKA_SERVERS", "broker:9092")
    monkeypatch.setenv("GYRE_GRPC_PORT", "50051")

    settings = ServiceSettings(service="retrieval")

    assert settings.kafka_servers == "broker:9092"
    assert settings.grpc_port == 50051


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GYRE_GRPC_PORT", "")

    assert ServiceSettings(service="retrieval", port_base=9000).grpc_port == 9014


class Settings(ServiceSettings):
    service: str = "x"


def test_a_wrong_setting_ends_the_process_with_its_name_and_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GYRE_PORT_BASE", "80")

    with pytest.raises(SystemExit, match="2"):
        read(Settings)

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("GYRE_PORT_BASE='80': ")
    assert "1024" in line


def test_a_missing_setting_is_named_and_the_others_are_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Demanding(Settings):
        model_digest: str

    monkeypatch.setenv("GYRE_SERVICE_TOKEN", "hush")

    with pytest.raises(SystemExit, match="2"):
        read(Demanding)

    assert capsys.readouterr().err == "GYRE_MODEL_DIGEST: Field required\n"


@pytest.mark.parametrize("annotation", [SecretStr, SecretStr | None, Annotated[SecretStr, "x"]])
def test_a_secret_that_is_wrong_is_named_and_not_printed(
    annotation: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(value: Any) -> Any:
        raise ValueError("expected KEY:TENANT")

    Secretive = create_model(
        "Secretive",
        __base__=Settings,
        __validators__={"refuse": field_validator("api_keys")(refuse)},
        api_keys=(annotation, ...),
    )
    monkeypatch.setenv("GYRE_API_KEYS", "hush:Acme")

    with pytest.raises(SystemExit, match="2"):
        read(Secretive)

    assert capsys.readouterr().err == "GYRE_API_KEYS: Value error, expected KEY:TENANT\n"


def test_what_is_wrong_with_all_together_prints_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Together(Settings):
        @model_validator(mode="after")
        def _fit(self) -> Self:
            raise ValueError("these do not fit")

    monkeypatch.setenv("GYRE_SERVICE_TOKEN", "hush")

    with pytest.raises(SystemExit, match="2"):
        read(Together)

    assert capsys.readouterr().err == "GYRE_: Value error, these do not fit\n"


def test_a_secret_is_not_printed() -> None:
    assert "hush" not in repr(ServiceSettings(service="x", service_token="hush"))


def test_a_list_that_is_not_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GYRE_RETRY_PAUSES_S", "abc")

    with pytest.raises(SystemExit, match=r"retry_pauses_s.*expected JSON"):
        read(Settings)
