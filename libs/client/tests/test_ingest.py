import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from gyre_client import settling
from gyre_client.results import Document, Submission

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a handbook beside things that are none; the working directory is its parent."""
    book = tmp_path / "handbook"
    (book / "pay").mkdir(parents=True)
    (book / ".git").mkdir()
    for name in ("leave.md", "pay/Rates.PDF", "old.html", ".draft.md", ".git/x.md", "photo.png"):
        (book / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settling, "FIRST_LOOK_S", 0.01)
    return book


def names(fake: Any) -> list[str]:
    return sorted(row["name"] for row in fake.documents.values())


def test_a_folder_is_indexed_without_what_is_hidden_or_no_document(
    fake: Any, gyre: Run, folder: Path
) -> None:
    result = gyre("ingest", "handbook", "--collection", "hr")

    assert result.exit_code == 0
    assert names(fake) == ["handbook/leave.md", "handbook/old.html", "handbook/pay/Rates.PDF"]
    assert {row["collection"] for row in fake.documents.values()} == {"hr"}
    assert result.stdout == "3 indexed, 0 unchanged, 0 rejected\n"


def test_a_folder_that_is_closed_is_named(
    fake: Any, gyre: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "pay":
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = gyre("ingest", "handbook")

    assert result.exit_code == 1
    assert names(fake) == ["handbook/leave.md", "handbook/old.html"]
    assert "2 indexed, 0 unchanged, 1 rejected" in result.stdout
    assert "handbook/pay: Permission denied" in result.stdout


def test_a_path_that_cannot_be_looked_at_is_one_line(gyre: Run) -> None:
    result = gyre("ingest", "x" * 300)

    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "File name too long" in result.stderr


def test_progress_is_plain_lines_where_there_is_no_terminal(
    fake: Any, gyre: Run, folder: Path
) -> None:
    result = gyre("ingest", "handbook/leave.md", "handbook/old.html")

    assert result.stderr.splitlines() == [
        "[1/2] indexed   handbook/leave.md (4 chunks)",
        "[2/2] indexed   handbook/old.html (4 chunks)",
    ]


def test_it_waits_until_all_are_settled(fake: Any, gyre: Run, folder: Path) -> None:
    fake.looks_until_settled = 4

    gyre("ingest", "handbook")

    assert {row["status"] for row in fake.documents.values()} == {"indexed"}


def test_without_waiting_it_says_what_was_sent(fake: Any, gyre: Run, folder: Path) -> None:
    result = gyre("ingest", "handbook", "--no-wait")

    assert result.stdout == "3 submitted, 0 unchanged, 0 rejected\n"
    assert all(request["method"] == "POST" for request in fake.requests)


def test_the_same_file_again_is_the_same_document(fake: Any, gyre: Run, folder: Path) -> None:
    gyre("ingest", "handbook")
    (folder / "leave.md").write_text("changed")

    result = gyre("ingest", "handbook/leave.md", str(folder / "old.html"))

    assert result.stdout == "1 indexed, 1 unchanged, 0 rejected\n"
    assert len(fake.documents) == 3


def test_a_folder_elsewhere_keeps_its_own_name(
    fake: Any, gyre: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "other").mkdir()
    monkeypatch.chdir(folder.parent / "other")

    gyre("ingest", str(folder / "pay"), "../handbook/leave.md")

    assert names(fake) == ["leave.md", "pay/Rates.PDF"]


def test_two_files_of_one_name_are_not_one_document(
    fake: Any, gyre: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "other").mkdir()
    (folder / "pay" / "leave.md").write_text("another")
    monkeypatch.chdir(folder.parent / "other")

    result = gyre("ingest", "../handbook/leave.md", "../handbook/pay/leave.md")

    assert result.exit_code == 2
    assert "would both be the document 'leave.md'" in result.stderr
    assert fake.requests == []


def test_rejected_ones_are_named_with_their_reasons(fake: Any, gyre: Run, folder: Path) -> None:
    fake.unreadable["handbook/pay/Rates.PDF"] = "the PDF is encrypted"
    (folder / "old.html").write_text("")

    result = gyre("ingest", "handbook", "handbook/photo.png")

    assert result.exit_code == 1
    assert "1 indexed, 0 unchanged, 3 rejected" in result.stdout
    assert "handbook/pay/Rates.PDF: the PDF is encrypted" in result.stdout
    assert "handbook/old.html: handbook/old.html is empty" in result.stdout
    assert "handbook/photo.png: not one of .md" in result.stdout


def test_the_reason_is_listed_later(fake: Any, gyre: Run, folder: Path) -> None:
    fake.unreadable["handbook/leave.md"] = "it is no text"
    gyre("ingest", "handbook/leave.md")

    result = gyre("documents", "list", "--status", "rejected")

    assert "handbook/leave.md: it is no text" in result.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_rejected(fake: Any, gyre: Run, folder: Path) -> None:
    (folder / "leave.md").chmod(0)

    result = gyre("ingest", "handbook/leave.md")

    assert result.exit_code == 1
    assert "handbook/leave.md: Permission denied" in result.stdout


def test_a_file_whose_name_is_no_text_is_one_line(fake: Any, gyre: Run, folder: Path) -> None:
    os.rename(folder / "leave.md", os.fsencode(folder) + b"/l\xff.md")

    result = gyre("ingest", "handbook")

    assert result.exit_code == 2
    assert "cannot be sent" in result.stderr


def test_a_document_that_never_settles_is_reported(
    fake: Any, gyre: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.looks_until_settled = 10**9
    monkeypatch.setattr("gyre_client.documents.Settling", _impatient)

    result = gyre("ingest", "handbook/leave.md")

    assert result.exit_code == 1
    assert "0 indexed, 0 unchanged, 0 rejected, 1 not finished" in result.stdout
    assert "is not indexed after" in result.stdout


def _impatient(submission: Any, timeout_s: float) -> settling.Settling:
    return settling.Settling(submission, timeout_s=0.05, pause_s=0.01)


def test_the_old_version_does_not_count_as_the_new_one(fake: Any, gyre: Run, folder: Path) -> None:
    new = Submission(id="1", name="a.md", status="submitted", sha256="b")
    old = Document(id="1", name="a.md", status="indexed", sha256="a")

    waiting = settling.Settling(new)

    assert not waiting.is_settled(old)
    assert waiting.is_settled(old.model_copy(update={"sha256": "b"}))
    assert waiting.is_settled(old.model_copy(update={"status": "removed"}))


@pytest.mark.parametrize(
    ("path", "said"),
    [("missing", "missing does not exist"), ("handbook/.git", "no document in handbook/.git")],
)
def test_paths_without_documents_are_refused(
    fake: Any, gyre: Run, folder: Path, path: str, said: str
) -> None:
    (folder / ".git" / "x.md").unlink()

    result = gyre("ingest", path)

    assert result.exit_code == 2
    assert said in result.stderr
    assert fake.requests == []


def test_a_refusal_of_everything_ends_the_run(
    fake: Any, gyre: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GYRE_API_KEY", "wrong")

    result = gyre("ingest", "handbook")

    assert result.exit_code == 2
    assert result.stderr == "gyre: no such API key\n"
    assert len(fake.requests) == 1
