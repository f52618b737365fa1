"""Every error VORI raises on purpose.

VoriError
├── BadMessage      400  what came in cannot be used; the text says what to do
├── NotSignedIn     401  no valid token
├── Forbidden       403  signed in, but not allowed
├── NotFound        404  no such thing, or none that this user may see
├── Idle            408  nothing came for too long
├── Conflict        409  the thing is in another state than the request needs
├── Gone            410  it was there, and has been deleted for good
├── TooLarge        413  over a limit; the text names the limit
├── TooMany         429  this sender asks too often; try again later
├── Busy            503  every worker has a full queue; try again later
└── Unavailable     503  something VORI needs is away (database, model, disk)

`code` is a stable snake_case word for programs; the message is for people and never
holds what was said in a meeting.
"""

from __future__ import annotations

from typing import ClassVar


class VoriError(Exception):
    """The root. `code` names the case, `status` is its HTTP status, `ids` what it is about."""

    status: ClassVar[int] = 500
    code: str = "internal"

    def __init__(self, message: str, *, code: str | None = None, **ids: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.ids = ids


class BadMessage(VoriError):
    status = 400
    code = "bad_message"


class NotSignedIn(VoriError):
    status = 401
    code = "not_signed_in"


class Forbidden(VoriError):
    status = 403
    code = "forbidden"


class NotFound(VoriError):
    status = 404
    code = "not_found"


class Idle(VoriError):
    status = 408
    code = "idle"


class Conflict(VoriError):
    status = 409
    code = "conflict"


class Gone(VoriError):
    status = 410
    code = "gone"


class TooLarge(VoriError):
    status = 413
    code = "too_large"


class TooMany(VoriError):
    """The sender, not VORI, is over a limit; `retry_after_ms` says when to try again."""

    status = 429
    code = "too_many"

    def __init__(
        self, message: str, *, retry_after_ms: int = 1000, code: str | None = None, **ids: object
    ) -> None:
        super().__init__(message, code=code, **ids)
        self.retry_after_ms = retry_after_ms


class Busy(VoriError):
    """Senders slow down and try again after `retry_after_ms`."""

    status = 503
    code = "busy"

    def __init__(
        self, message: str, *, retry_after_ms: int = 1000, code: str | None = None, **ids: object
    ) -> None:
        super().__init__(message, code=code, **ids)
        self.retry_after_ms = retry_after_ms


class Unavailable(VoriError):
    """Callers retry with growing waits."""

    status = 503
    code = "unavailable"
