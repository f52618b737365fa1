"""The one place that decides who may what. What a user may not see looks absent."""

from __future__ import annotations

from vori.data.engine import DB
from vori.errors import Forbidden, NotFound
from vori.ids import BIGINT_MAX, GroupId, MeetingId, TicketId
from vori.people.messages import Principal, Role


def require_member(principal: Principal, group_id: GroupId) -> Role:
    """The role in the group; raises NotFound for strangers."""
    role = principal.roles.get(group_id)
    if role is None:
        raise NotFound(f"There is no group {group_id}.", groupId=group_id)
    return role


def require_admin(principal: Principal, group_id: GroupId) -> None:
    """Raises NotFound for strangers, Forbidden for members who are not ADMIN."""
    if require_member(principal, group_id) is not Role.ADMIN:
        raise Forbidden(f"Only an ADMIN of group {group_id} may do this.", groupId=group_id)


def require_operator(principal: Principal) -> None:
    """Raises Forbidden unless the user runs this VORI."""
    if not principal.is_admin:
        raise Forbidden("Only an administrator of this VORI may do this.")


async def meeting_for(principal: Principal, meeting_id: MeetingId) -> GroupId:
    """The group that owns the meeting; raises NotFound when there is none to see."""
    if 1 <= meeting_id <= BIGINT_MAX:
        rows = await DB.fetch("SELECT group_id FROM meetings WHERE id = $1", meeting_id)
        if rows and rows[0]["group_id"] in principal.roles:
            return GroupId(rows[0]["group_id"])
    raise NotFound(f"There is no meeting {meeting_id}.", meetingId=meeting_id)


async def ticket_for(principal: Principal, ticket_id: TicketId) -> GroupId:
    """The group that owns the ticket; raises NotFound when there is none to see."""
    rows = await DB.fetch("SELECT group_id FROM tickets WHERE id = $1", ticket_id)
    if rows and rows[0]["group_id"] in principal.roles:
        return GroupId(rows[0]["group_id"])
    raise NotFound(f"There is no ticket {ticket_id}.", ticketId=ticket_id)


async def proposal_for(principal: Principal, proposal_id: int) -> GroupId:
    """The group that owns the proposal; raises NotFound when there is none to see."""
    rows = await DB.fetch("SELECT group_id FROM proposals WHERE id = $1", proposal_id)
    if rows and rows[0]["group_id"] in principal.roles:
        return GroupId(rows[0]["group_id"])
    raise NotFound(f"There is no proposal {proposal_id}.", proposalId=proposal_id)
