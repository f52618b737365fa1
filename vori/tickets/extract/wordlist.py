"""Word lists as text, one word after another. Pure."""

from __future__ import annotations


def listed(text: str) -> list[str]:
    """The words of `text`, which blanks and line ends part."""
    return text.split()
