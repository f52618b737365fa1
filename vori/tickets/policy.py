"""Which of a decision's changes are made at once, and which wait for people. Pure.

A proposal that people dismissed is a refusal: the same words never ask for it again. New words
may; what was refused in a revision stays out of it as long as its value is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import replace

from vori.ids import TicketId
from vori.people.messages import Policy
from vori.tickets.decide import Decision, Move, Revise
from vori.tickets.messages import TicketStatus

REVISED = ("title", "content", "status", "assignee_id", "due")


class Refusal(Struct, frozen=True, kw_only=True):
    """What people refused of a ticket in this meeting: fields with the values they were to get.

    A withdrawal sets `dismissed`. `evidence` is what it rested on, in this reading's `seq`.
    """

    ticket_id: TicketId
    fields: Mapping[str, Any]
    evidence: frozenset[int] = frozenset()


def split(
    decision: Decision, policy: Policy, auto_above: float | None
) -> tuple[Decision, Decision]:
    """What is changed at once, and what is proposed. `skipped` stays with the first.

    Under `threshold` a machine takes its own doings back by itself. A revision that changes
    nothing people see is no proposal.
    """
    if policy is Policy.AUTO:
        return decision, Decision()

    def is_sure(confidence: float) -> bool:
        return policy is Policy.THRESHOLD and auto_above is not None and confidence >= auto_above

    by_itself = policy is Policy.THRESHOLD
    at_once = replace(
        decision,
        creates=tuple(c for c in decision.creates if is_sure(c.confidence)),
        moves=tuple(m for m in decision.moves if is_sure(m.confidence)),
        revisions=tuple(r for r in decision.revisions if is_sure(r.confidence) or not values_of(r)),
        withdrawals=decision.withdrawals if by_itself else (),
    )
    later = Decision(
        creates=_rest(decision.creates, at_once.creates),
        moves=_rest(decision.moves, at_once.moves),
        revisions=_rest(decision.revisions, at_once.revisions),
        withdrawals=_rest(decision.withdrawals, at_once.withdrawals),
    )
    return at_once, later


def without_refused(decision: Decision, refusals: Sequence[Refusal]) -> Decision:
    """The decision without what people refused, for tickets that are on the board."""
    if not refusals:
        return decision
    by_ticket: dict[TicketId, list[Refusal]] = {}
    for refusal in refusals:
        by_ticket.setdefault(refusal.ticket_id, []).append(refusal)
    revisions = [_unrefused(r, by_ticket.get(r.ticket_id, ())) for r in decision.revisions]
    return replace(
        decision,
        moves=tuple(
            m for m in decision.moves if not _is_refused(m, by_ticket.get(m.ticket_id, ()))
        ),
        revisions=tuple(r for r in revisions if r is not None),
        withdrawals=tuple(
            w
            for w in decision.withdrawals
            if not any("dismissed" in r.fields for r in by_ticket.get(w.ticket_id, ()))
        ),
    )


def values_of(revision: Revise) -> dict[str, str | TicketStatus | int | date | None]:
    """The fields that a revision sets."""
    return {f: v for f in REVISED if (v := getattr(revision, f)) is not UNSET}


def _is_refused(move: Move, refusals: Collection[Refusal]) -> bool:
    """A move that takes another one back rests on no words of its own, nor does its refusal."""
    return any(
        refusal.fields.get("status") is move.to_status
        and (set(move.evidence) <= refusal.evidence if move.evidence else not refusal.evidence)
        for refusal in refusals
    )


def _unrefused(revision: Revise, refusals: Collection[Refusal]) -> Revise | None:
    """The revision without refused values; None when nothing that people see is left of it."""
    wanted = values_of(revision)
    refused = {
        field
        for field, value in wanted.items()
        for refusal in refusals
        if field in refusal.fields
        and (refusal.fields[field] == value or set(revision.evidence) <= refusal.evidence)
    }
    if not refused:
        return revision
    if refused == wanted.keys():
        return None
    return replace(revision, **dict.fromkeys(refused, UNSET))


def _rest(all_: tuple[Any, ...], taken: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(one for one in all_ if one not in taken)
