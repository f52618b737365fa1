"""Engines that read a passage of a meeting and say which tickets it asks for."""

from __future__ import annotations

from typing import Protocol

from vori.tickets.messages import Extraction, Passage


class Extractor(Protocol):
    """One engine. `name` is what receipts call it."""

    name: str

    async def extract(self, passage: Passage) -> Extraction:
        """What the passage says; empty when it says nothing. Raises VoriError."""
        ...
