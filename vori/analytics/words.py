"""The content words of what was said, Korean morphemes by kiwipiepy and English stems, and the
tickets it means. Pure.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec
from msgspec import Struct

from vori.ids import TicketId
from vori.tickets.extract import korean
from vori.tickets.extract.local import Board
from vori.tickets.extract.match import GENERIC, STOP, is_hangul, stem
from vori.tickets.messages import KnownTicket

_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9'-]+")
_NOUNS = ("NNG", "NNP", "XR")
LONGEST = 40
MENTIONED = 0.6
"""So much of a ticket's title was said when words mean it."""

Words = dict[str, tuple[int, str]]
"""By the word's key (its stem): how often it was said, and the form it was said in most."""


class Around(Struct, frozen=True, kw_only=True):
    """What a group has: its open tickets' titles by their ids, and what its people are called."""

    titles: dict[str, str] = {}
    names: tuple[str, ...] = ()


NOTHING = msgspec.json.encode(Around()).decode()


def words_of(text: str) -> Words:
    """Content words with their counts. Raises Unavailable for Korean without kiwipiepy."""
    return read(text, NOTHING)[0]


def read(text: str, around: str) -> tuple[Words, tuple[str, ...]]:
    """Content words of lines but people's names, and which tickets they mean. `around`: as JSON.

    A ticket is meant by the ticket engine's own rules: enough of its title's words in one line,
    and of no other ticket's as many.
    """
    board, names = _known(around)
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    meant: set[str] = set()
    for line in text.splitlines():
        tokens = korean.tokens(line) if is_hangul(line) else ()
        for key, form in _line(line, tokens):
            if len(key) <= LONGEST and form not in GENERIC and form not in names:
                forms[key][form] += 1
        if board.tickets and (ticket := _meant(board, line, tokens)):
            meant.add(ticket)
    words = {
        key: (said.total(), min(said, key=lambda form: (-said[form], form)))
        for key, said in sorted(forms.items())
    }
    return words, tuple(sorted(meant))


def together(parts: Iterable[Words]) -> Words:
    """The words of several texts as those of one; of forms said as often, the first by letters."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for words in parts:
        for key, (count, form) in words.items():
            forms[key][form] += count
    return {
        key: (said.total(), min(said, key=lambda form: (-said[form], form)))
        for key, said in sorted(forms.items())
    }


@lru_cache(maxsize=64)
def _known(around: str) -> tuple[Board, frozenset[str]]:
    told = msgspec.json.decode(around, type=Around)
    board = [KnownTicket(ticket_id=TicketId(i), title=t) for i, t in told.titles.items()]
    names = {part for name in told.names for part in (name, *name.split())}
    # 김민아 is called 민아.
    names |= {name[1:] for name in names if len(name) == 3 and is_hangul(name)}
    return Board(board), frozenset(name.lower() for name in names)


def _meant(board: Board, line: str, tokens: Sequence[korean.Token]) -> str | None:
    if tokens:
        bag = korean.word_bag(line, tokens, frozenset(), board.vocabulary)
    else:
        bag = board.vocabulary.words(line)
    found = board.find(bag, None, least_share=MENTIONED)
    return None if found is None else str(board.tickets[found].ticket_id)


def _line(line: str, tokens: Sequence[korean.Token]) -> list[tuple[str, str]]:
    found = [
        (token.form, token.form) for token in tokens if token.tag in _NOUNS and len(token.form) >= 2
    ]
    for match in _LATIN.finditer(line):
        form = match[0].lower().rstrip("'-")
        form = form.removesuffix("'s")
        key = stem(form)
        if len(form) > 2 and "'" not in form and form not in STOP and key not in STOP:
            found.append((key, form))
    return found
