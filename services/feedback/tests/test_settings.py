import pytest

from gyre_feedback.settings import Settings
from gyre_service.settings import read


def test_tenants_are_named_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GYRE_INGRESS_TENANTS", "acme, umbrella,")

    assert Settings().ingress_tenants == ("acme", "umbrella")


def test_none_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GYRE_INGRESS_TENANTS", "")

    assert Settings().ingress_tenants == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GYRE_INGRESS_TENANTS", "acme,a/b"),
        ("GYRE_ANSWER_RETENTION_DAYS", "0"),
        ("GYRE_CURATED_PER_PERSON_PER_DAY", "-1"),
    ],
)
def test_a_wrong_value_ends_the_start_with_one_line(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit):
        read(Settings)

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(name)
