"""A recorded meeting, and how to play it."""
