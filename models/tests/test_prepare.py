import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from gyre_models import gemma, prepare
from gyre_models.errors import ModelError
from gyre_models.folder import check_template, digest_of

WITH_BOS = "{{ bos_token }}{{ messages[-1].content }}"
WITHOUT_BOS = "{{ messages[-1].content }}"


def make_model(
    folder: Path, template: str | None = WITH_BOS, weights: str = "a.safetensors"
) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / weights).write_bytes(b"weights")
    words = {"<bos>": 0, "<eos>": 1, "<unk>": 2, "[1]": 3, "a": 4, "Question:": 5, "b": 6}
    inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=inner, bos_token="<bos>", eos_token="<eos>", unk_token="<unk>"
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return folder


def run(capsys: pytest.CaptureFixture[str], model: str, cache: Path) -> tuple[int, str, str]:
    code = prepare.main(["--model", model, "--cache", str(cache)])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_folder_is_served_from_where_it_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_model(tmp_path / "mine")

    code, out, _ = run(capsys, str(folder), tmp_path / "cache")

    result = json.loads(out.splitlines()[-1])
    assert code == 0
    assert (result["name"], result["path"], result["revision"]) == ("mine", str(folder), "")
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.iterdir())
    ]
    assert result["digest"] == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_a_folder_that_others_do_not_see_is_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = make_model(tmp_path / "mine"), tmp_path / "cache"
    there = prepare.prepare(str(folder), cache)

    copied = prepare.prepare(str(folder), cache, copy=True)

    assert copied == there | {"path": str(cache / f"mine-{there['digest'][:8]}")}
    assert Path(copied["path"], "a.safetensors").read_bytes() == b"weights"
    with monkeypatch.context() as patched:
        patched.setattr(prepare, "digests", None)
        assert prepare.prepare(str(folder), cache, copy=True) == copied
    (folder / "a.safetensors").write_bytes(b"other weights")
    other = prepare.prepare(str(folder), cache, copy=True)
    assert Path(other["path"], "a.safetensors").read_bytes() == b"other weights"
    assert sorted(path.name for path in cache.iterdir() if path.is_dir()) == sorted(
        Path(each["path"]).name for each in (copied, other)
    )


def test_a_second_call_reads_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_model(tmp_path / "mine")
    first = prepare.prepare(str(folder), tmp_path / "cache")
    monkeypatch.setattr(prepare, "digests", None)
    monkeypatch.setattr(prepare, "check_template", None)

    assert prepare.prepare(str(folder), tmp_path / "cache") == first


def test_a_changed_folder_has_another_digest(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "mine")
    first = prepare.prepare(str(folder), tmp_path / "cache")
    (folder / "a.safetensors").write_bytes(b"other weights")

    assert prepare.prepare(str(folder), tmp_path / "cache")["digest"] != first["digest"]


def test_a_digest_covers_names_and_bytes(tmp_path: Path) -> None:
    assert digest_of({"a": "1", "b": "2"}) == digest_of({"b": "2", "a": "1"})
    assert digest_of({"a": "1", "b": "2"}) != digest_of({"a": "2", "b": "1"})


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("no-such-model", "unknown model 'no-such-model': expected gemma-3-270m, reference"),
        ("", "no model is named"),
        ("../x/y", "unknown model"),
        ("some/model", "model some/model is not pinned: set GYRE_MODEL_REVISION"),
    ],
)
def test_what_cannot_be_had_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str, said: str
) -> None:
    code, out, err = run(capsys, model, tmp_path)

    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert said in line


@pytest.mark.parametrize("revision", ["main", "v1", "0" * 39, "A" * 40])
def test_a_branch_pins_nothing(tmp_path: Path, revision: str) -> None:
    with pytest.raises(ModelError, match="not pinned"):
        prepare.prepare("some/model", tmp_path, revision)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "mine", weights="pytorch_model.bin")

    with pytest.raises(ModelError, match="only pickled weights"):
        prepare.prepare(str(folder), tmp_path / "cache")


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(ModelError, match=r"no config\.json"):
        prepare.prepare(str(tmp_path / "empty"), tmp_path / "cache")


def test_a_model_whose_prompts_lack_its_first_token_is_refused(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "mine", WITHOUT_BOS)

    with pytest.raises(ModelError, match="wants '<bos>' as its first token"):
        check_template(folder, "mine")


def test_a_model_without_a_template_is_refused(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "mine", None)

    with pytest.raises(ModelError, match="no chat template"):
        check_template(folder, "mine")


def test_a_hubs_model_is_fetched_once_at_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, Any]] = []

    def fetch(model: str, local_dir: str, **options: Any) -> None:
        calls.append(options)
        for path in make_model(tmp_path / f"hub{len(calls)}").iterdir():
            path.rename(Path(local_dir) / path.name)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    commit = "0123456789" * 4

    first = prepare.prepare("some/model", tmp_path / "cache", commit)
    second = prepare.prepare("some/model", tmp_path / "cache", commit)

    assert first == second
    assert (first["name"], first["revision"]) == ("some--model", commit)
    assert Path(first["path"]).name == f"some--model-{first['digest'][:8]}"
    assert [call["revision"] for call in calls] == [commit]
    assert "*.bin" in calls[0]["ignore_patterns"]


def test_the_commit_is_told_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    revisions: list[str] = []

    def fetch(model: str, local_dir: str, revision: str, **_: Any) -> None:
        revisions.append(revision)
        for path in make_model(tmp_path / "hub").iterdir():
            path.rename(Path(local_dir) / path.name)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    monkeypatch.setenv("GYRE_MODEL_REVISION", "main")
    code, _, err = run(capsys, "some/model", tmp_path / "cache")
    assert (code, revisions) == (2, [])
    assert "(40 hexadecimal digits), it is 'main'" in err

    monkeypatch.setenv("GYRE_MODEL_REVISION", "0123456789" * 4)
    code, out, _ = run(capsys, "some/model", tmp_path / "cache")
    assert (code, json.loads(out)["revision"], revisions) == (0, revisions[0], ["0123456789" * 4])


def test_a_hub_that_is_away_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fetch(*_: Any, **__: Any) -> None:
        raise OSError("Connection refused\nand more")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    monkeypatch.setenv("GYRE_MODEL_REVISION", "0" * 40)

    code, out, err = run(capsys, "some/model", tmp_path / "cache")

    assert (code, out) == (2, "")
    assert err.splitlines()[1:] == ["model: model some/model cannot be fetched: Connection refused"]


def test_a_hubs_pickled_model_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(model: str, local_dir: str, **options: Any) -> None:
        Path(local_dir, "config.json").write_text("{}")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)

    with pytest.raises(ModelError, match="no safetensors"):
        prepare.prepare("some/model", tmp_path, "0" * 40)
    assert list(tmp_path.iterdir()) == []


def test_the_terms_are_shown_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare.show_terms_once(tmp_path)
    prepare.show_terms_once(tmp_path)

    assert capsys.readouterr().err == gemma.TERMS.read_text()


def test_a_package_that_was_changed_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"other weights")

    class Package:
        @staticmethod
        def chunk_paths() -> list[Path]:
            return [part]

    monkeypatch.setattr(gemma, "import_module", lambda name: Package)

    with pytest.raises(ModelError, match="the package was changed"):
        gemma.assemble(tmp_path / "out.gguf")
    assert not (tmp_path / "out.gguf").exists()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(28, "No space left on device"), 2, "No space left"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_stops_it_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    words: str,
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(prepare, "prepare", stopped)

    status, out, err = run(capsys, "reference", tmp_path)

    assert (status, out, err.count("\n"), words in err) == (code, "", 1, True)
