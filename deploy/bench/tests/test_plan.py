from gyre_bench.plan import GEMMA, REFERENCE, Cell, order, sessions, size_of


def cells(model: str) -> list[Cell]:
    return [cell for session in sessions(model) for cell in session.cells]


def test_no_cell_is_planned_twice() -> None:
    for model in (REFERENCE, GEMMA):
        assert len(set(cells(model))) == len(cells(model))


def test_the_models_are_asked_so_many_at_once() -> None:
    for model, wanted in ((REFERENCE, {1, 4, 16, 64}), (GEMMA, {1, 16})):
        for side in ("bare", "inference", "gateway"):
            asked = [cell for cell in cells(model) if cell.side == side]
            for retrieval in (False, True):
                assert {c.at_once for c in asked if c.retrieval is retrieval} == wanted


def test_the_stack_is_first_for_it_finds_the_passages_and_surrounds_the_bare_engine() -> None:
    assert [session.kind for session in sessions(GEMMA)] == ["stack", "bare", "stack", "proxy"]
    assert [session.kind for session in sessions(REFERENCE)] == ["stack", "bare", "proxy"]


def test_the_second_round_is_of_the_ratio_that_is_wanted() -> None:
    again = [cell for cell in cells(GEMMA) if cell.round == 2]

    assert {cell.side for cell in again} == {"bare", "inference", "gateway"}
    assert {(cell.at_once, cell.retrieval) for cell in again} == {(16, False)}
    assert all(size_of(cell).whole == 0 for cell in again)


def test_added_latency_is_of_as_many_requests_as_were_promised() -> None:
    assert size_of(Cell(REFERENCE, "gateway", 1, False)).whole == 1_000
    gemma = size_of(Cell(GEMMA, "gateway", 1, False))
    assert (gemma.whole, gemma.whole_tokens) == (200, 8)


def test_all_sides_of_a_place_are_asked_the_same() -> None:
    for model in (REFERENCE, GEMMA):
        places: dict[tuple[int, bool, int], set[object]] = {}
        for cell in cells(model):
            place = (cell.at_once, cell.retrieval, cell.round)
            places.setdefault(place, set()).add(size_of(cell))
        assert all(len(sizes) == 1 for sizes in places.values())


def test_a_quick_look_still_has_so_many_at_once() -> None:
    crowd = size_of(Cell(REFERENCE, "bare", 64, False), requests=10)
    alone = size_of(Cell(REFERENCE, "bare", 1, False), requests=10)

    assert (crowd.streamed, crowd.whole) == (64, 64)
    assert (alone.streamed, alone.whole) == (10, 10)


def test_each_is_as_often_first() -> None:
    assert order(3, "a", "b") == [*("a", "b"), *("b", "a"), *("a", "b")]
