"""A model's answers, checked item by item and joined over the parts of a meeting. Pure.

Nothing in an answer is taken on trust: ids must exist, evidence must have been shown. A
good item is kept whatever its neighbours are; an item that cannot be used is kept aside
with the reason.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NoReturn, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from vori.errors import BadMessage
from vori.ids import TicketId, UserId
from vori.tickets.extract.prompt import clean, similarity
from vori.tickets.extract.remarks import remark, told_in
from vori.tickets.messages import (
    Blocker,
    Draft,
    Extraction,
    Passage,
    Rejected,
    StatusIntent,
    Usage,
)

TITLE_CHARS = 200
CONTENT_CHARS = 4000
_SNIPPET_CHARS = 300


class Revision(Struct, frozen=True, kw_only=True, rename="camel"):
    """An earlier draft as later words change it."""

    draft_id: str
    ticket: Draft


class Withdrawal(Struct, frozen=True, kw_only=True, rename="camel"):
    """An earlier draft that the meeting decided against."""

    draft_id: str
    evidence: tuple[int, ...]
    reason: str = ""


class Answer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a model is asked to return for one part of a meeting."""

    new_tickets: tuple[Draft, ...]
    ticket_updates: tuple[StatusIntent, ...]
    blockers: tuple[Blocker, ...]
    revised_drafts: tuple[Revision, ...]
    withdrawn_drafts: tuple[Withdrawal, ...]


FIELDS: tuple[str, ...] = Answer.__struct_encode_fields__


class _Unusable(Exception):
    """Why one item cannot be used."""


class Reading:
    """What the parts of one meeting have given so far; later parts correct earlier ones."""

    def __init__(self, passage: Passage) -> None:
        self.drafts: dict[str, Draft] = {}
        self.updates: dict[TicketId, StatusIntent] = {}
        self.notes: list[str] = []
        self._language = told_in(passage)
        self._board = {ticket.ticket_id: ticket.status for ticket in passage.existing_tickets}
        self._members = {member.user_id for member in passage.members}
        self._blockers: list[Blocker] = []
        self._rejected: list[Rejected] = []
        self._drafted = 0

    def tell(self, key: str, **values: object) -> None:
        """Add a note, in the meeting's language."""
        self.notes.append(remark(self._language, key, **values))

    def take(self, text: str, shown: frozenset[int]) -> bool:
        """Add one answer; `shown` holds the seqs it may cite. False if the answer breaks off.

        Raises BadMessage when nothing in it can be read.
        """
        lists, is_whole = salvage(text)
        earlier = tuple(self.drafts)
        for item in self._usable(lists, "newTickets"):
            self._try(self._add, item, shown, earlier)
        for item in self._usable(lists, "revisedDrafts"):
            self._try(self._revise, item, shown)
        for item in self._usable(lists, "withdrawnDrafts"):
            self._try(self._withdraw, item, shown)
        for item in self._usable(lists, "ticketUpdates"):
            self._try(self._update, item, shown)
        for item in self._usable(lists, "blockers"):
            self._try(self._block, item, shown)
        return is_whole

    def extraction(self, *, engine: str, model: str, usage: Usage | None) -> Extraction:
        return Extraction(
            new_tickets=tuple(self.drafts.values()),
            ticket_updates=tuple(self.updates.values()),
            blockers=tuple(self._blockers),
            rejected=tuple(self._rejected),
            engine=engine,
            model=model,
            notes=tuple(dict.fromkeys(self.notes)),
            usage=usage,
        )

    def _usable(self, lists: Mapping[str, Any], field: str) -> Iterable[Any]:
        items = lists.get(field, [])
        if isinstance(items, list):
            return items
        self._rejected.append(Rejected(item=_snippet(items), why=f"`{field}` is not a list"))
        return ()

    def _try(self, take: Callable[..., None], item: Any, *context: Any) -> None:
        try:
            if not isinstance(item, dict):
                _refuse("not an object")
            take(_cleaned(item), *context)
        except _Unusable as exc:
            self._rejected.append(Rejected(item=_snippet(item), why=str(exc)))
        except RecursionError:
            self._rejected.append(Rejected(item="", why="nested too deep"))

    def _add(self, item: dict[str, Any], shown: frozenset[int], earlier: Sequence[str]) -> None:
        draft = self._draft(item, shown)
        for draft_id, known in self.drafts.items():
            if is_same(known, draft) if draft_id in earlier else _is_repeat(known, draft):
                self.drafts[draft_id] = _joined(known, draft)
                return
        self._drafted += 1
        self.drafts[f"D-{self._drafted}"] = draft

    def _revise(self, item: dict[str, Any], shown: frozenset[int]) -> None:
        draft_id = self._known_draft(item)
        ticket = item.get("ticket")
        if not isinstance(ticket, dict):
            _refuse("`ticket` is not an object")
        draft = self._draft(ticket, shown)
        known = self.drafts[draft_id]
        self.drafts[draft_id] = replace(draft, evidence=_union(known.evidence, draft.evidence))

    def _withdraw(self, item: dict[str, Any], shown: frozenset[int]) -> None:
        draft_id = self._known_draft(item)
        _evidence(item, shown)
        del self.drafts[draft_id]

    def _known_draft(self, item: dict[str, Any]) -> str:
        draft_id = item.get("draftId")
        if not isinstance(draft_id, str) or draft_id not in self.drafts:
            _refuse(f"there is no draft {_snippet(draft_id)}")
        return draft_id

    def _update(self, item: dict[str, Any], shown: frozenset[int]) -> None:
        update = _convert(
            item | _evidence(item, shown) | {"confidence": _confidence(item)}, StatusIntent
        )
        if update.ticket_id not in self._board:
            self._update_draft(update)
            return
        before = self.updates.get(update.ticket_id)
        if update.new_status == self._board[update.ticket_id]:
            if before is None:
                _refuse(f"{update.ticket_id} is {update.new_status} already")
            del self.updates[update.ticket_id]  # later words take the change back
            return
        if before and before.new_status == update.new_status:
            update = replace(update, evidence=_union(before.evidence, update.evidence))
        self.updates[update.ticket_id] = update

    def _update_draft(self, update: StatusIntent) -> None:
        draft = self.drafts.get(update.ticket_id)
        if draft is None:
            _refuse(f"there is no ticket {update.ticket_id!r} on the board")
        evidence = _union(draft.evidence, update.evidence)
        self.drafts[update.ticket_id] = replace(draft, status=update.new_status, evidence=evidence)

    def _block(self, item: dict[str, Any], shown: frozenset[int]) -> None:
        blocker = _convert(item | _evidence(item, shown), Blocker)
        for index, known in enumerate(self._blockers):
            if set(known.evidence) & set(blocker.evidence):
                evidence = _union(known.evidence, blocker.evidence)
                self._blockers[index] = replace(known, evidence=evidence)
                return
        self._blockers.append(blocker)

    def _draft(self, item: dict[str, Any], shown: frozenset[int]) -> Draft:
        """The item as a Draft; a wrong assignee or date costs only that field, with a note."""
        title = item.get("title")
        if not isinstance(title, str) or not title.strip():
            _refuse("the title is empty")
        title = " ".join(title.split())
        if len(title) > TITLE_CHARS:
            title = title[: TITLE_CHARS - 1].rstrip() + "…"
            self.tell("long_title", title=title[:40])
        content = item.get("content", "")
        fixed: dict[str, Any] = {"title": title, "confidence": _confidence(item)}
        if isinstance(content, str):
            fixed["content"] = content.strip()[:CONTENT_CHARS]
        fixed["assigneeId"] = self._assignee(item.get("assigneeId"), title)
        fixed["due"] = self._due(item.get("due"), title)
        return _convert(item | fixed | _evidence(item, shown), Draft)

    def _assignee(self, value: Any, title: str) -> UserId | None:
        if value is None:
            return None
        if type(value) is int and value in self._members:
            return UserId(value)
        self.tell("no_member", title=title[:40], value=_snippet(value))
        return None

    def _due(self, value: Any, title: str) -> str | None:
        if value is None:
            return None
        try:
            return date.fromisoformat(value[:10]).isoformat()
        except (TypeError, ValueError):
            self.tell("no_date", title=title[:40], value=_snippet(value))
            return None


def salvage(text: str) -> tuple[dict[str, Any], bool]:
    """The answer's known lists, and whether it is whole.

    An answer that breaks off keeps every item that had been completed. Raises BadMessage when
    not even one can be read.
    """
    start = text.find("{")
    found: dict[str, Any] = {}
    is_whole = False
    if start >= 0:
        try:
            _members(text, start, found)
            is_whole = True
        except (ValueError, RecursionError, IndexError):
            pass
    known = {name: items for name, items in found.items() if name in FIELDS}
    if not known or not (is_whole or any(known.values())):
        raise BadMessage("The model's answer cannot be read.", code="invalid_answer")
    return known, is_whole


_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBERS = re.compile(r"\d+")


def _not_finite(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_not_finite)


def _members(text: str, start: int, found: dict[str, Any]) -> None:
    """Read the object at `start` into `found`, lists item by item; ValueError where it breaks."""
    at = _skip(text, start + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        if not isinstance(name, str):
            raise ValueError("a name")
        at = _skip(text, _expect(text, _skip(text, at), ":"))
        if text[at] == "[":
            items: list[Any] = []
            found[name] = items
            at = _items(text, at, items)
        else:
            found[name], at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _items(text: str, at: int, items: list[Any]) -> int:
    at = _skip(text, at + 1)
    while text[at] != "]":
        item, at = _DECODER.raw_decode(text, at)
        items.append(item)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return at + 1


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, char: str) -> int:
    if text[at] != char:
        raise ValueError(char)
    return at + 1


def is_same(one: Draft, other: Draft) -> bool:
    """Whether two readings of a meeting mean one piece of work.

    Either they share a caption and half a title, or the titles are nearly equal and name
    the same numbers ("phase 1" is not "phase 2").
    """
    alike = similarity(one.title, other.title)
    if set(one.evidence) & set(other.evidence):
        return alike >= 0.5
    return alike >= 0.8 and _NUMBERS.findall(one.title) == _NUMBERS.findall(other.title)


def _is_repeat(one: Draft, other: Draft) -> bool:
    """Whether one answer lists the same ticket twice; two tickets may share a caption."""
    same_title = one.title.casefold() == other.title.casefold()
    return same_title and bool(set(one.evidence) & set(other.evidence))


def _joined(known: Draft, later: Draft) -> Draft:
    """Later words win; what they leave out stays."""
    return replace(
        known,
        status=later.status,
        content=max(known.content, later.content, key=len),
        assignee_id=known.assignee_id if later.assignee_id is None else later.assignee_id,
        due=later.due or known.due,
        evidence=_union(known.evidence, later.evidence),
        confidence=max(known.confidence, later.confidence),
    )


def _union(one: Iterable[int], other: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted({*one, *other}))


def _evidence(item: Mapping[str, Any], shown: frozenset[int]) -> dict[str, list[int]]:
    """The cited captions that exist; refused when none does."""
    cited = item.get("evidence")
    if not isinstance(cited, list) or not cited:
        _refuse("it cites no caption")
    known = sorted({seq for seq in cited if type(seq) is int and seq in shown})
    if not known:
        _refuse(f"no caption {_snippet(cited)} was shown")
    return {"evidence": known}


def _confidence(item: Mapping[str, Any]) -> float:
    """Within 0 to 1; a middling guess when it is no number."""
    value = item.get("confidence", 0.5)
    if type(value) not in (int, float) or not math.isfinite(value):
        return 0.5
    return float(min(max(value, 0.0), 1.0))


S = TypeVar("S", bound=Struct)


def _convert(item: dict[str, Any], struct: type[S]) -> S:
    try:
        return msgspec.convert(item, struct)
    except msgspec.ValidationError as exc:
        _refuse(str(exc))


def _refuse(why: str) -> NoReturn:
    raise _Unusable(why)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return value


def _snippet(value: Any) -> str:
    text = clean(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _SNIPPET_CHARS else text[: _SNIPPET_CHARS - 1] + "…"
