"""Names as they are searched: small letters, no difference between е and ё, words in any order."""

__all__ = ["folded", "patterns"]


def folded(text: str) -> str:
    """The form in which texts are compared."""
    return " ".join(text.casefold().replace("ё", "е").split())


def patterns(query: str) -> list[str]:
    """What `LIKE ALL` must match: every typed word, anywhere, with nothing in it taken for a wildcard."""
    return [f"%{_literal(word)}%" for word in folded(query).split()]


def _literal(word: str) -> str:
    return word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
