"""What every route asks for, in one table. A route that is not in it is closed.

The gate in front of all routes goes by this table before a handler runs; handlers and `access.py`
check again what they are about to touch.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from litestar.enums import ScopeType
from msgspec import Struct

from vori.errors import Forbidden
from vori.ids import GroupId, MeetingId, TicketId
from vori.people.access import (
    meeting_for,
    proposal_for,
    require_admin,
    require_member,
    require_operator,
    ticket_for,
)
from vori.people.messages import Principal, Scope


class Needs(StrEnum):
    """Who may come in. What others own looks absent: 404, not 403."""

    SIGNED_IN = "signed in"
    """The handler gives or takes only what is the user's or their groups'."""
    MEMBER = "member of {group_id}"
    GROUP_ADMIN = "ADMIN of {group_id}"
    MEETING = "member of {meeting_id}'s group"
    TICKET = "member of {ticket_id}'s group"
    PROPOSAL = "member of {proposal_id}'s group"
    OPERATOR = "administrator of this VORI"


class Rule(Struct, frozen=True):
    """`audit` is what the audit log calls it; "" leaves it out."""

    needs: Needs
    scope: Scope
    audit: str = ""


READ, WRITE, RECORD, ADMIN = Scope.READ, Scope.WRITE, Scope.RECORD, Scope.ADMIN

RULES: dict[str, Rule] = {
    # Sound in, captions out. Handlers open meetings and groups by `access.py`.
    "WS /ws/meeting/{meeting_id}": Rule(Needs.SIGNED_IN, RECORD, "sound.sent"),
    "WS /v1/listen": Rule(Needs.SIGNED_IN, RECORD, "sound.sent"),
    "WS /v1/realtime": Rule(Needs.SIGNED_IN, RECORD, "sound.sent"),
    "POST /api/meetings/{meeting_id}/stream": Rule(Needs.MEETING, RECORD, "sound.sent"),
    "POST /v1/audio/transcriptions": Rule(Needs.SIGNED_IN, RECORD, "sound.transcribed"),
    "POST /v1/audio/translations": Rule(Needs.SIGNED_IN, RECORD, "sound.translated"),
    # What happens, pushed: every event by its group.
    "WS /api/events": Rule(Needs.SIGNED_IN, READ, "events.watched"),
    # Meetings
    "GET /api/meetings": Rule(Needs.SIGNED_IN, READ),
    "POST /api/meetings": Rule(Needs.SIGNED_IN, WRITE, "meeting.created"),
    "GET /api/meetings/{meeting_id}": Rule(Needs.MEETING, READ),
    "PATCH /api/meetings/{meeting_id}": Rule(Needs.MEETING, WRITE, "meeting.changed"),
    "DELETE /api/meetings/{meeting_id}": Rule(Needs.MEETING, WRITE, "meeting.deleted"),
    "POST /api/meetings/{meeting_id}/end": Rule(Needs.MEETING, WRITE, "meeting.ended"),
    "GET /api/meetings/{meeting_id}/audio": Rule(Needs.MEETING, READ, "sound.heard"),
    "GET /api/meetings/{meeting_id}/transcript": Rule(Needs.MEETING, READ, "transcript.seen"),
    "GET /api/meetings/{meeting_id}/recordings": Rule(Needs.MEETING, READ),
    "POST /api/meetings/{meeting_id}/recordings": Rule(Needs.MEETING, RECORD, "sound.uploaded"),
    "GET /api/meetings/{meeting_id}/export": Rule(Needs.MEETING, READ, "meeting.exported"),
    "GET /api/meetings/{meeting_id}/minutes": Rule(Needs.MEETING, READ, "minutes.seen"),
    "PATCH /api/meetings/{meeting_id}/minutes": Rule(Needs.MEETING, WRITE, "minutes.changed"),
    "POST /api/meetings/{meeting_id}/minutes": Rule(Needs.MEETING, WRITE, "minutes.written"),
    "GET /api/meetings/{meeting_id}/reading": Rule(Needs.MEETING, READ),
    "GET /api/meetings/{meeting_id}/tickets": Rule(Needs.MEETING, READ),
    "GET /api/meetings/{meeting_id}/blockers": Rule(Needs.MEETING, READ, "quotes.seen"),
    "POST /api/meetings/{meeting_id}/reread": Rule(Needs.MEETING, WRITE, "meeting.reread"),
    "POST /api/meetings/{meeting_id}/undo": Rule(Needs.MEETING, WRITE, "meeting.undone"),
    "GET /api/meetings/{meeting_id}/jobs": Rule(Needs.MEETING, READ),
    "GET /api/meetings/{meeting_id}/jobs/{job_id}": Rule(Needs.MEETING, READ),
    "DELETE /api/meetings/{meeting_id}/jobs/{job_id}": Rule(Needs.MEETING, WRITE, "job.cancelled"),
    "POST /api/meetings/{meeting_id}/retranscribe": Rule(
        Needs.MEETING, WRITE, "meeting.retranscribed"
    ),
    "GET /api/meetings/{meeting_id}/versions": Rule(Needs.MEETING, READ),
    "GET /api/meetings/{meeting_id}/recordings/{recording_id}/versions/{number}": Rule(
        Needs.MEETING, READ, "transcript.seen"
    ),
    "GET /api/meetings/{meeting_id}/recordings/{recording_id}/versions/{number}/diff": Rule(
        Needs.MEETING, READ, "transcript.seen"
    ),
    "GET /api/meetings/{meeting_id}/recordings/{recording_id}/versions/{number}/tickets": Rule(
        Needs.MEETING, READ, "transcript.seen"
    ),
    "POST /api/meetings/{meeting_id}/recordings/{recording_id}/versions/{number}/apply": Rule(
        Needs.MEETING, WRITE, "transcript.changed"
    ),
    # Tickets
    "GET /api/tickets": Rule(Needs.SIGNED_IN, READ),
    "POST /api/tickets": Rule(Needs.SIGNED_IN, WRITE, "ticket.created"),
    "GET /api/tickets/{ticket_id}": Rule(Needs.TICKET, READ),
    "PATCH /api/tickets/{ticket_id}": Rule(Needs.TICKET, WRITE, "ticket.changed"),
    "DELETE /api/tickets/{ticket_id}": Rule(Needs.TICKET, WRITE, "ticket.dismissed"),
    "GET /api/tickets/{ticket_id}/history": Rule(Needs.TICKET, READ, "quotes.seen"),
    "POST /api/tickets/{ticket_id}/undo": Rule(Needs.TICKET, WRITE, "ticket.undone"),
    "GET /api/proposals": Rule(Needs.SIGNED_IN, READ, "quotes.seen"),
    "GET /api/proposals/{proposal_id}": Rule(Needs.PROPOSAL, READ, "quotes.seen"),
    "POST /api/proposals/{proposal_id}/accept": Rule(Needs.PROPOSAL, WRITE, "proposal.accepted"),
    "POST /api/proposals/{proposal_id}/dismiss": Rule(Needs.PROPOSAL, WRITE, "proposal.dismissed"),
    # Found and counted: handlers look in the user's groups only.
    "GET /api/search": Rule(Needs.SIGNED_IN, READ, "searched"),
    "GET /api/notices": Rule(Needs.SIGNED_IN, READ, "quotes.seen"),
    "POST /api/notices/read": Rule(Needs.SIGNED_IN, WRITE),
    "GET /api/analytics/groups": Rule(Needs.SIGNED_IN, READ),
    "GET /api/analytics/groups/{group_id}/trends": Rule(Needs.MEMBER, READ),
    "GET /api/analytics/insights": Rule(Needs.SIGNED_IN, READ),
    "GET /api/analytics/keywords": Rule(Needs.SIGNED_IN, READ),
    "GET /api/analytics/meetings/{meeting_id}/realtime": Rule(Needs.MEETING, READ),
    "GET /api/analytics/meetings/{meeting_id}/ticket-patterns": Rule(Needs.MEETING, READ),
    "GET /api/analytics/productivity/hourly": Rule(Needs.SIGNED_IN, READ),
    "GET /api/analytics/topics": Rule(Needs.SIGNED_IN, READ),
    # Groups
    "GET /api/groups": Rule(Needs.SIGNED_IN, READ),
    "POST /api/groups": Rule(Needs.SIGNED_IN, WRITE, "group.created"),
    "GET /api/groups/{group_id}": Rule(Needs.MEMBER, READ),
    "PATCH /api/groups/{group_id}": Rule(Needs.GROUP_ADMIN, WRITE, "group.changed"),
    "GET /api/groups/{group_id}/members": Rule(Needs.MEMBER, READ),
    "POST /api/groups/{group_id}/members": Rule(Needs.GROUP_ADMIN, WRITE, "member.added"),
    # Members may say how they are called, and leave: the handlers ask for ADMIN otherwise.
    "PATCH /api/groups/{group_id}/members/{user_id}": Rule(Needs.MEMBER, WRITE, "member.changed"),
    "DELETE /api/groups/{group_id}/members/{user_id}": Rule(Needs.MEMBER, WRITE, "member.removed"),
    "GET /api/groups/{group_id}/usage": Rule(Needs.MEMBER, READ),
    # Myself
    "GET /api/users/me": Rule(Needs.SIGNED_IN, READ),
    "PATCH /api/users/me": Rule(Needs.SIGNED_IN, WRITE, "profile.changed"),
    "GET /api/users/me/export": Rule(Needs.SIGNED_IN, READ, "user.exported"),
    "POST /api/users/sync": Rule(Needs.SIGNED_IN, WRITE, "profile.changed"),
    "POST /api/users/me/password": Rule(Needs.SIGNED_IN, WRITE, "password.changed"),
    "GET /api/users/me/sessions": Rule(Needs.SIGNED_IN, READ),
    "DELETE /api/users/me/sessions/{session_id}": Rule(Needs.SIGNED_IN, WRITE, "session.ended"),
    "GET /api/tokens": Rule(Needs.SIGNED_IN, READ),
    "POST /api/tokens": Rule(Needs.SIGNED_IN, WRITE, "token.made"),
    "DELETE /api/tokens/{token_id}": Rule(Needs.SIGNED_IN, WRITE, "token.revoked"),
    "POST /api/passes": Rule(Needs.SIGNED_IN, READ),
    # Who runs this VORI
    "GET /api/admin/users": Rule(Needs.OPERATOR, ADMIN, "users.seen"),
    "POST /api/admin/users": Rule(Needs.OPERATOR, ADMIN, "user.added"),
    "GET /api/admin/users/{user_id}": Rule(Needs.OPERATOR, ADMIN, "users.seen"),
    "PATCH /api/admin/users/{user_id}": Rule(Needs.OPERATOR, ADMIN, "user.changed"),
    "DELETE /api/admin/users/{user_id}": Rule(Needs.OPERATOR, ADMIN, "user.erasure_asked"),
    "POST /api/admin/users/{user_id}/link": Rule(Needs.OPERATOR, ADMIN, "user.link_made"),
    "GET /api/admin/dead-letters": Rule(Needs.OPERATOR, ADMIN),
    "GET /api/admin/dead-letters/{letter_id}": Rule(Needs.OPERATOR, ADMIN, "dead_letter.seen"),
    "POST /api/admin/dead-letters/{letter_id}/replay": Rule(
        Needs.OPERATOR, ADMIN, "dead_letter.replayed"
    ),
    "POST /api/admin/dead-letters/replay": Rule(Needs.OPERATOR, ADMIN, "dead_letters.replayed"),
    "GET /api/admin/system": Rule(Needs.OPERATOR, ADMIN),
    "GET /api/admin/audit": Rule(Needs.OPERATOR, ADMIN, "audit.seen"),
}


def name_of(scope: Any) -> str:
    """The route's name in the table; HEAD is as GET."""
    if scope["type"] == ScopeType.WEBSOCKET:
        return f"WS {scope.get('path_template', '')}"
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    return f"{method} {scope.get('path_template', '')}"


def rule_of(scope: Any) -> Rule:
    """Raises Forbidden(code="no_rule") for a route that nobody has written a rule for."""
    rule = RULES.get(name_of(scope))
    if rule is None:
        raise Forbidden(
            f"{name_of(scope)} is closed: vori/people/rules.py has no rule for it.", code="no_rule"
        )
    return rule


def require_scope(principal: Principal, scope: Any) -> None:
    """Raises Forbidden when the token is not for this."""
    rule = rule_of(scope)
    if rule.scope not in principal.scopes:
        raise Forbidden(
            f"This token may not do that; it needs the scope `{rule.scope.value}`.",
            code="missing_scope",
        )


async def require(principal: Principal, scope: Any) -> GroupId | None:
    """Raises NotFound or Forbidden unless the principal may use the route on what its path names.

    Gives the group that owns what the path names.
    """
    rule, given = rule_of(scope), scope["path_params"]
    match rule.needs:
        case Needs.OPERATOR:
            require_operator(principal)
        case Needs.MEMBER:
            require_member(principal, GroupId(given["group_id"]))
            return GroupId(given["group_id"])
        case Needs.GROUP_ADMIN:
            require_admin(principal, GroupId(given["group_id"]))
            return GroupId(given["group_id"])
        case Needs.MEETING:
            return await meeting_for(principal, MeetingId(given["meeting_id"]))
        case Needs.TICKET:
            return await ticket_for(principal, TicketId(given["ticket_id"]))
        case Needs.PROPOSAL:
            return await proposal_for(principal, given["proposal_id"])
        case Needs.SIGNED_IN:
            pass
    return None
