"""Passwords: argon2id hashes made off the event loop, and a brake on guessing."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from vori.clock import Clock
from vori.errors import BadMessage, TooMany
from vori.people.limits import Buckets

MOST_CHARACTERS = 256
AT_ONCE = 2
"""Hashes computed side by side: each takes 64 MiB for a moment."""


class Passwords:
    """Hashes by argon2id with the library's defaults (RFC 9106, second choice: 64 MiB, t=3)."""

    def __init__(
        self, clock: Clock, *, least_characters: int, hasher: PasswordHasher | None = None
    ) -> None:
        self._least = least_characters
        self._hasher = hasher or PasswordHasher()
        self._free = asyncio.Semaphore(AT_ONCE)
        self._nobody: str | None = None
        # One person who mistypes, one account that many guess at, one machine that tries many.
        self._of_both = Buckets(clock, burst=5, per_s=1 / 30)
        self._of_account = Buckets(clock, burst=50, per_s=1 / 60)
        self._of_address = Buckets(clock, burst=30, per_s=1 / 10)

    def check(self, password: str, *, email: str | None = None) -> str:
        """`password`, if it may be one; raises BadMessage."""
        if not self._least <= len(password) <= MOST_CHARACTERS or len(set(password)) < 4:
            raise BadMessage(
                f"A password has {self._least} to {MOST_CHARACTERS} characters, at least four of"
                " them different.",
                code="weak_password",
            )
        if email and password.lower() in (email.lower(), email.lower().partition("@")[0]):
            raise BadMessage("The password is the address.", code="weak_password")
        return password

    async def hash(self, password: str) -> str:
        async with self._free:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is the one that was hashed; takes as long where there is none."""
        if self._nobody is None:
            self._nobody = await self.hash("nobody has this password")
        async with self._free:
            is_right = await asyncio.to_thread(self._verify, stored or self._nobody, password)
        return is_right and stored is not None

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password[: 4 * MOST_CHARACTERS])
        except (VerificationError, InvalidHashError):
            return False

    def is_old(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than new ones are."""
        return self._hasher.check_needs_rehash(stored)

    def may_try(self, account: str, address: str) -> None:
        """Count one try; raises TooMany when there have been too many wrong ones."""
        for buckets, key in (
            (self._of_both, (account, address)),
            (self._of_account, account),
            (self._of_address, address),
        ):
            wait_s = buckets.take(key)
            if wait_s:
                raise TooMany(
                    f"Too many tries to sign in; try again in {wait_s:.0f} s.",
                    retry_after_ms=int(1000 * wait_s) + 1,
                    code="too_many_tries",
                )

    def was_right(self, account: str, address: str) -> None:
        """Somebody who knows the password starts anew; guesses from elsewhere still count."""
        self._of_both.forget((account, address))
