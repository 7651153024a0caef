"""What counts as a word, and as one that says something."""

import re
import unicodedata

# Chinese and Japanese put no spaces between words: there each character counts as one.
_IDEOGRAM = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_NUMBER = r"\d+(?:[.,]\d+)*"
_WORD = re.compile(rf"{_NUMBER}|[{_IDEOGRAM}]|(?:(?![{_IDEOGRAM}])[^\W_])+")
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](?=\w)")

# Function words of English: they occur in every passage and so support nothing.
_FUNCTION_WORDS = """
    a about after all also am an and any are as at be because been before being but by can
    could did do does for from had has have he her here his how i if in into is it its may me
    might more most must my no nor not of on one only or other our over own she should so some
    such than that the their them then there these they this those through to under until up
    us was we were what when where which while who whom why will with would you your"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())


def words(text: str) -> list[str]:
    """Return the words and numbers of `text`, comparable: NFKC, casefolded, without punctuation.

    A number is one word, in the form of `number`.

    >>> words("The Café's 1,000 rooms cost $3.50.")
    ['the', 'cafés', '1000', 'rooms', 'cost', '3.5']
    >>> words("東京 tower")
    ['東', '京', 'tower']
    """
    plain = _APOSTROPHE.sub("", unicodedata.normalize("NFKC", text).casefold())
    return [number(word) if word[0].isdecimal() else word for word in _WORD.findall(plain)]


def content_words(text: str) -> list[str]:
    """Return the words of `text` that are not function words of English.

    >>> content_words("It was built in 1889 by the engineer.")
    ['built', '1889', 'engineer']
    """
    return [word for word in words(text) if word not in FUNCTION_WORDS]


def number(text: str) -> str:
    """Return a number as it would be written without grouping and without idle zeros.

    A comma before exactly three digits groups; any other comma is a decimal one.

    >>> [number(n) for n in ("1,000", "1000", "3,5", "3.50", "007", "1.2.3")]
    ['1000', '1000', '3.5', '3.5', '7', '1.2.3']
    """
    text = re.sub(r",(?=\d{3}(?:[.,]|$))", "", text).replace(",", ".")
    if text.count(".") > 1:  # a version or a date
        return text
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")
