from gyre_bench.seeds import Sameness, sameness


async def test_what_differs_among_others_is_not_counted_as_the_same() -> None:
    asked: list[int] = []

    async def ask(number: int) -> tuple[int, str]:
        asked.append(number)
        crowded = len(asked) > 2 * 40
        return number, "other" if crowded and number == 3 else str(number)

    assert await sameness(ask, 40) == Sameness(asked=40, alone=40, under_load=39)
    assert asked[:40] == list(range(40))
