from gyre_finetune.training.batching import IGNORED, padded, parts, shared


def row(length: int) -> tuple[list[int], int]:
    return [7] * length, length - 2


def test_every_row_is_in_one_part_and_no_part_is_too_large() -> None:
    rows = [row(length) for length in (90, 10, 40, 12, 300, 41, 11)]
    found = list(parts([[one] for one in rows], 100))

    assert sorted(len(ids) for part in found for ids, _ in part) == [10, 11, 12, 40, 41, 90, 300]
    for part in found:
        assert len(part) == 1 or max(len(ids) for ids, _ in part) * len(part) <= 100


def test_rows_of_one_length_go_together() -> None:
    assert [len(part) for part in parts([[row(n)] for n in (10, 50, 10, 50)], 100)] == [2, 2]
    assert list(parts([], 100)) == []


def test_what_is_wanted_is_the_answer_alone() -> None:
    tokens, wanted = padded([([1, 2, 3, 4], 2), ([5, 6], 1)], "cpu")

    assert tokens.tolist() == [[1, 2, 3, 4], [5, 6, 0, 0]]
    assert wanted.tolist() == [
        [IGNORED, IGNORED, 3, 4],
        [IGNORED, 6, IGNORED, IGNORED],
    ]


def test_rows_of_one_example_stay_together() -> None:
    family = [row(70), row(80)]
    assert list(parts([[row(10)], family, [row(20)]], 100)) == [[row(10), row(20)], family]


def test_what_rows_begin_with_alike_ends_before_the_token_that_an_answer_follows() -> None:
    assert shared([([1, 2, 3, 4, 9], 4), ([1, 2, 3, 5, 9], 4)]) == 3
    assert shared([([1, 2, 3, 8], 3), ([1, 2, 3, 9], 3)]) == 2
    assert shared([([1, 2, 3], 2), ([7, 2, 3], 2)]) == 0
