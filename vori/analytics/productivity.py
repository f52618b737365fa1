"""The productivity score: one number in 0..1 for a minute, a meeting, or any stretch of talk. Pure.

    score = work / (work + blockers + minutes / MINUTES_PER_WORK)

`work` counts tickets made and tickets whose status was changed. The last term is the work that
could be expected of so much talk; equal to it, and with nothing in the way, a meeting scores one
half. Why this and not a sum or a rate:

- It is bounded: nothing scores 0, and each further ticket adds less than the one before, so that
  a flood of tickets does not pass for a good meeting.
- A long meeting needs more results for the same score than a short one.
- What blocks work lowers the score of the work that was done, but never below 0, and a meeting
  that only names blockers scores no less than one that says nothing.

It measures meetings. It says nothing about any person.
"""

from __future__ import annotations

MINUTES_PER_WORK = 5.0
"""One piece of work in so many minutes scores one half."""


def productivity(*, work: int, blockers: int, minutes: float) -> float:
    """The score of a stretch of talk; 0 where there was no talk. Negative counts are refused."""
    if min(work, blockers, minutes) < 0:
        raise ValueError("counts and minutes are not negative")
    if work == 0 or minutes == 0:
        return 0.0
    return work / (work + blockers + minutes / MINUTES_PER_WORK)
