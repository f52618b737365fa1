"""The content words of what was said: Korean morphemes by kiwipiepy, English stems. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from vori.tickets.extract import korean
from vori.tickets.extract.match import GENERIC, STOP, is_hangul, stem

_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9'-]+")
_NOUNS = ("NNG", "NNP", "XR")
LONGEST = 40

Words = dict[str, tuple[int, str]]
"""By the word's key (its stem): how often it was said, and the form it was said in most."""


def words_of(text: str) -> Words:
    """Content words with their counts. Raises Unavailable for Korean without kiwipiepy."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for line in text.splitlines():
        for key, form in _line(line):
            if len(key) <= LONGEST and form not in GENERIC:
                forms[key][form] += 1
    return {
        key: (said.total(), min(said, key=lambda form: (-said[form], form)))
        for key, said in sorted(forms.items())
    }


def _line(line: str) -> list[tuple[str, str]]:
    found = []
    if is_hangul(line):
        found = [
            (token.form, token.form)
            for token in korean.tokens(line)
            if token.tag in _NOUNS and len(token.form) >= 2
        ]
    for match in _LATIN.finditer(line):
        form = match[0].lower().rstrip("'-")
        form = form.removesuffix("'s")
        key = stem(form)
        if len(form) > 2 and "'" not in form and form not in STOP and key not in STOP:
            found.append((key, form))
    return found
