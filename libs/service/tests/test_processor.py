from pathlib import Path

from gyre_service.processor import processor_flags


def test_the_flags_are_those_of_the_first_core(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nflags\t: fpu\n")

    assert processor_flags(file) == {"fpu", "avx2"}


def test_a_system_that_does_not_say_has_no_flags(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("model name: something\n")

    assert processor_flags(tmp_path / "cpuinfo") == set()
    assert processor_flags(tmp_path / "absent") == set()
