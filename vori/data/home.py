"""VORI's home: the directory that holds its database, sound and models, for one VORI at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

from msgspec import Struct

from vori.errors import Conflict, Unavailable


class Home(Struct, frozen=True):
    path: Path


@contextlib.contextmanager
def open_home(path: Path) -> Iterator[Home]:
    """Make the directory if need be (for its owner only) and hold it until the block ends.

    Held by a lock on the file `lock`, which the system lets go when this process ends, however
    it ends. Raises Conflict(code="home_in_use") that names the process holding it, and
    Unavailable(code="home_unusable") when the directory cannot be written.
    """
    path = path.expanduser().absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise Unavailable(
            f"{path} cannot be used as VORI's home ({exc.strerror}); set VORI_HOME to another",
            code="home_unusable",
        ) from exc
    try:
        _take(lock, path)
        yield Home(path)
    finally:
        os.close(lock)


def home_id(path: Path) -> UUID:
    """The name of this home, among others that share a database; made at first."""
    file = path / "id"
    with contextlib.suppress(FileNotFoundError, ValueError):
        return UUID(file.read_text(encoding="ascii").strip())
    new = uuid4()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_text(f"{new}\n", encoding="ascii")
    return new


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        pid = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
        raise Conflict(
            f"another VORI (process {pid}) is using {path}; stop it, or set VORI_HOME to another",
            code="home_in_use",
            pid=pid,
        ) from exc
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
