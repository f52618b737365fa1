"""One file that holds a VORI, and a VORI made of it: the database, and the sound of this home.

A backup is a tar: `manifest.json`, `settings.json` (without secrets), `database.dump` (pg_dump's
own format), `journal/…`, and at its end `SHA256SUMS`, without which it is not whole. Database and
sound are of one moment: rows are read in the snapshot that pg_dump dumps, and sound of recordings
that the snapshot does not know stays out.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from vori import __version__
from vori.data.engine import DB, SLOW_S, transaction, translated
from vori.data.home import home_id
from vori.data.migrate import known_steps, migrate
from vori.data.retention import recording_folders
from vori.errors import BadMessage, Conflict, Unavailable

FORMAT = 1
PIECE_BYTES = 1 << 20
SECRETS = ("database.url", "kafka.sasl_password")
"""Settings that are left out: they are secret, or hold a password."""
_ENTRY = re.compile(
    r"manifest\.json|settings\.json|database\.dump|SHA256SUMS"
    r"|journal/\d{1,19}/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/\d{3,6}\.(?:audio|json)"
)
_SOUND = ("postgres", "journal", "cache/wav", "spark", "id")
"""What of a home a restore puts in place, or what tells of what was there before."""


class Manifest(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a backup holds."""

    format: int
    version: str
    made_at: datetime
    postgres: int
    """The major version of the server that was dumped."""
    steps: tuple[str, ...]
    rows: dict[str, int]
    """Of each table."""
    recordings: int
    """Whose sound is in it."""
    elsewhere: int
    """Recordings whose sound lies in other homes, and is not in it."""
    home: UUID


# ---- making one


async def back_up(out: Path, home: Path, settings: dict[str, Any]) -> Manifest:
    """Write the open database and the sound in `home` into `out`; others may work meanwhile.

    settings: the tree as plain values; secrets are taken out here. Raises BadMessage when the
    file cannot be written or is there already, Unavailable(code="backup_other_version") when
    the database is newer than the pg_dump at hand.
    """
    with _written(out) as part, tempfile.TemporaryDirectory(dir=part.parent) as folder:
        dump = Path(folder) / "database.dump"
        async with _snapshot() as (connection, snapshot):
            manifest, sound = await _look(connection, home)
            program = _program("pg_dump", at_least=manifest.postgres)
            arguments, environment = _connection(DB.url or "")
            await _run(
                [
                    *(program, "--format=custom", "--no-owner", "--no-privileges"),
                    *(f"--snapshot={snapshot}", f"--file={dump}", f"--dbname={arguments}"),
                ],
                environment,
            )
        await asyncio.to_thread(_pack, part, manifest, _without_secrets(settings), dump, sound)
    return manifest


@contextlib.asynccontextmanager
async def _snapshot() -> AsyncIterator[tuple[asyncpg.Connection, str]]:
    """A connection that sees the database as it is now, and the snapshot's name for pg_dump."""
    connection = await DB.connect()
    try:
        with translated():
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(
                    "SET LOCAL statement_timeout = 0;"
                    " SET LOCAL idle_in_transaction_session_timeout = 0"
                )
                yield connection, await connection.fetchval("SELECT pg_export_snapshot()")
    finally:
        await connection.close(timeout=1)


async def _look(connection: asyncpg.Connection, home: Path) -> tuple[Manifest, list[Path]]:
    this = home_id(home)
    known = {
        row["id"]
        for row in await connection.fetch(
            "SELECT id FROM recordings WHERE sound_deleted_at IS NULL"
        )
    }
    folders = await asyncio.to_thread(recording_folders, home)
    sound = [folder for recording, folder in sorted(folders.items()) if recording in known]
    manifest = Manifest(
        format=FORMAT,
        version=__version__,
        made_at=datetime.now(UTC),
        postgres=await connection.fetchval("SELECT current_setting('server_version_num')::int")
        // 10_000,
        steps=tuple(
            row["name"]
            for row in await connection.fetch("SELECT name FROM migration ORDER BY name")
        ),
        rows=await _count(connection),
        recordings=len(sound),
        elsewhere=await connection.fetchval(
            "SELECT count(*) FROM recordings r JOIN recording_homes h ON h.recording_id = r.id"
            " WHERE h.home <> $1 AND r.sound_deleted_at IS NULL",
            this,
        ),
        home=this,
    )
    return manifest, sound


async def _count(connection: asyncpg.Connection) -> dict[str, int]:
    names = await connection.fetch(
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    )
    counts = {}
    for row in names:
        sql = f'SELECT count(*) FROM "{row["name"]}"'  # noqa: S608 - a table's own name
        counts[row["name"]] = await connection.fetchval(sql, timeout=SLOW_S)
    return counts


def _pack(
    part: Path, manifest: Manifest, settings: dict[str, Any], dump: Path, sound: list[Path]
) -> None:
    sums: list[str] = []
    with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as tar:

        def add(name: str, file: IO[bytes], size: int) -> None:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = size, 0o600
            entry.mtime = int(manifest.made_at.timestamp())
            hashed = _Hashed(file)
            tar.addfile(entry, hashed)
            sums.append(f"{hashed.sum.hexdigest()}  {name}")

        for name, value in (("manifest.json", manifest), ("settings.json", settings)):
            text = msgspec.json.format(msgspec.json.encode(value), indent=1)
            add(name, io.BytesIO(text), len(text))
        for name, path in [("database.dump", dump), *_files(sound)]:
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                # A recording that goes on grows: what is there now is what is kept.
                add(name, file, os.fstat(file.fileno()).st_size)
        text = ("\n".join(sums) + "\n").encode()
        add("SHA256SUMS", io.BytesIO(text), len(text))


def _files(sound: list[Path]) -> Iterator[tuple[str, Path]]:
    for folder in sound:
        for path in sorted(folder.glob("*")):
            name = f"journal/{folder.parent.name}/{folder.name}/{path.name}"
            if _ENTRY.fullmatch(name):
                yield name, path


@contextlib.contextmanager
def _written(out: Path) -> Iterator[Path]:
    """A file beside `out`, for its owner only, that takes its place when the block is done."""
    if out.exists():
        raise BadMessage(f"{out} is there already; name another file.", code="file_exists")
    part = out.with_name(out.name + ".part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    except OSError as exc:
        raise BadMessage(f"{part}: {exc.strerror}.", code="cannot_write") from exc
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(out)
    except OSError as exc:
        raise Unavailable(f"{part}: {exc.strerror}.", code="cannot_write") from exc
    finally:
        part.unlink(missing_ok=True)


def _without_secrets(settings: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings))
    for name in SECRETS:
        section, _, leaf = name.partition(".")
        kept.get(section, {}).pop(leaf, None)
    return kept


# ---- and back


def unpack(backup: Path, home: Path, *, force: bool, keeps_database: bool) -> Restore:
    """Check the backup and lay its files out in `home`, beside what is there; blocks.

    keeps_database: PostgreSQL in the box will hold the database, so there must be none.

    Raises BadMessage(code="bad_backup") for a file that is none, is not whole or holds what no
    backup holds, Unavailable(code="database_newer") for one of a newer VORI, and
    Conflict(code="home_not_empty") unless `force`: then what is there is set aside.
    """
    taken = [name for name in _SOUND if (home / name).exists() and name not in ("id", "spark")]
    if taken and not force:
        raise Conflict(
            f"{home} holds {', '.join(taken)} of a VORI already. Name an empty home (VORI_HOME), or"
            " use --force, which sets them aside.",
            code="home_not_empty",
        )
    folder = home / "restore.part"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        _extract(backup, folder)
        manifest = _manifest(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    aside = home / f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    return Restore(
        manifest=manifest, home=home, folder=folder, aside=aside, has_database=keeps_database
    )


class Restore:
    """A backup that is unpacked and about to take its place."""

    def __init__(
        self, *, manifest: Manifest, home: Path, folder: Path, aside: Path, has_database: bool
    ) -> None:
        self.manifest = manifest
        self.aside = aside
        self._home = home
        self._folder = folder
        self._has_database = has_database
        self._moved: list[str] = []

    def clear(self) -> None:
        """Set aside what is in the home; `undo` brings it back."""
        for name in _SOUND:
            if (self._home / name).exists() and (name != "postgres" or self._has_database):
                (self.aside / name).parent.mkdir(parents=True, exist_ok=True)
                (self._home / name).rename(self.aside / name)
                self._moved.append(name)

    def undo(self) -> None:
        """As it was before."""
        if self._has_database:
            for name in ("postgres", "postgres.new"):
                shutil.rmtree(self._home / name, ignore_errors=True)
        for name in self._moved:
            (self.aside / name).rename(self._home / name)
        shutil.rmtree(self.aside, ignore_errors=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def load(self) -> None:
        """Fill the open database, which must be empty, and bring its schema up to date.

        Raises Conflict(code="database_not_empty"), and Unavailable: `backup_other_version` when
        the database's PostgreSQL is older than the one that was backed up, `restore_failed`.
        """
        connection = await DB.connect()
        try:
            major = await connection.fetchval("SELECT current_setting('server_version_num')::int")
            before = await _count(connection)
        finally:
            await connection.close()
        if before:
            raise Conflict(
                "The database is not empty; make a new one and name it in database.url.",
                code="database_not_empty",
            )
        if major // 10_000 < self.manifest.postgres:
            raise Unavailable(
                f"The backup is of PostgreSQL {self.manifest.postgres}; this is"
                f" {major // 10_000}, which is older. Restore into {self.manifest.postgres} or newer.",
                code="backup_other_version",
            )
        await self._load()
        connection = await DB.connect()
        try:
            after = await _count(connection)
        finally:
            await connection.close()
        if after != self.manifest.rows:
            wrong = sorted(
                name
                for name in after.keys() | self.manifest.rows.keys()
                if after.get(name) != self.manifest.rows.get(name)
            )
            raise Unavailable(
                f"After the restore {', '.join(wrong)} hold other numbers of rows than the backup.",
                code="restore_failed",
            )
        await migrate()
        async with transaction():
            # Who has signed out since must not be signed in again.
            for table in ("passes", "sessions", "links"):
                await DB.fetch(f"DELETE FROM {table}")  # noqa: S608

    async def _load(self) -> None:
        script, filtered = self._folder / "all.sql", self._folder / "restore.sql"
        program = _program("pg_restore", at_least=self.manifest.postgres)
        dump = self._folder / "database.dump"
        await _run([program, "--no-owner", "--no-privileges", f"--file={script}", dump], {})
        await asyncio.to_thread(_for_older_servers, script, filtered)
        arguments, environment = _connection(DB.url or "")
        await _run(
            [
                *(_program("psql"), "--no-psqlrc", "--quiet", "--single-transaction"),
                *("--set=ON_ERROR_STOP=1", "--output=/dev/null"),
                *(f"--file={filtered}", f"--dbname={arguments}"),
            ],
            environment,
        )

    def finish(self) -> None:
        """Put the sound and the home's name in their places."""
        if (self._folder / "journal").exists():
            (self._folder / "journal").rename(self._home / "journal")
        (self._folder / "settings.json").replace(self._home / "settings-of-backup.json")
        (self._home / "id").write_text(f"{self.manifest.home}\n", encoding="ascii")
        shutil.rmtree(self._folder, ignore_errors=True)


def _extract(backup: Path, folder: Path) -> None:
    """Lay out what a backup may hold, by name; every file must have its sum."""
    sums: dict[str, str] = {}
    try:
        with tarfile.open(backup, "r:") as tar:
            for entry in tar:
                if not entry.isreg() or not _ENTRY.fullmatch(entry.name) or entry.name in sums:
                    raise _bad(backup, f"it holds {entry.name[:100]!r}, which no backup does")
                source = tar.extractfile(entry)
                assert source is not None
                sums[entry.name] = _copy(source, folder / entry.name)
    except (tarfile.TarError, EOFError) as exc:
        raise _bad(backup, "it cannot be read to its end, or is no tar") from exc
    except OSError as exc:
        raise BadMessage(f"{backup}: {exc.strerror}.", code="bad_backup") from exc
    sums.pop("SHA256SUMS", None)
    try:
        lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise _bad(backup, "its end is missing") from exc
    told = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    wrong = sorted(name for name in told.keys() | sums.keys() if told.get(name) != sums.get(name))
    if wrong:
        raise _bad(backup, f"{wrong[0]} is damaged or missing")


def _copy(source: IO[bytes], target: Path) -> str:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    hashed = _Hashed(source)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        while data := hashed.read(PIECE_BYTES):
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return hashed.sum.hexdigest()


def _manifest(folder: Path) -> Manifest:
    try:
        data = (folder / "manifest.json").read_bytes()
        if (found := msgspec.json.decode(data).get("format")) != FORMAT:
            raise Unavailable(
                f"The backup is of format {found}, this VORI reads {FORMAT}.", code="database_newer"
            )
        manifest = msgspec.json.decode(data, type=Manifest)
    except (OSError, msgspec.MsgspecError, AttributeError) as exc:
        raise BadMessage("The backup's manifest cannot be read.", code="bad_backup") from exc
    unknown = sorted(set(manifest.steps) - known_steps().keys())
    if unknown:
        raise Unavailable(
            f"The backup was made by a newer VORI ({manifest.version}, step {unknown[-1]}); install"
            " that one.",
            code="database_newer",
        )
    return manifest


def _for_older_servers(script: Path, filtered: Path) -> None:
    """Without the one line that PostgreSQL before 17 does not know; it stands before all data."""
    with script.open("rb") as source, filtered.open("wb") as target:
        for line in source:
            if line.strip() == b"SET transaction_timeout = 0;":
                break
            target.write(line)
        shutil.copyfileobj(source, target, PIECE_BYTES)


class _Hashed:
    """A file that is read once, and its SHA-256."""

    def __init__(self, file: IO[bytes]) -> None:
        self.sum = hashlib.sha256()
        self._file = file

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sum.update(data)
        return data


def _bad(backup: Path, why: str) -> BadMessage:
    return BadMessage(f"{backup} is no whole backup: {why}.", code="bad_backup")


# ---- PostgreSQL's own programs


def _program(name: str, *, at_least: int = 0) -> Path:
    """Out of the box, else on the PATH; not older than the server it is for.

    Raises Unavailable(code="backup_other_version" | "no_programs").
    """
    found: list[tuple[int, Path]] = []
    for path in _programs(name):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            told = subprocess.run(  # noqa: S603 - PostgreSQL's own
                [path, "--version"], capture_output=True, text=True, check=True, timeout=10
            ).stdout
            version = re.search(r"(\d+)", told)
            found.append((int(version[1]) if version else 0, path))
    for major, path in found:
        if major >= at_least:
            return path
    if not found:
        raise Unavailable(
            f"{name} is missing: install vori[embedded], or PostgreSQL's client programs.",
            code="no_programs",
        )
    raise Unavailable(
        f"The database is PostgreSQL {at_least}, {name} here is {max(found)[0]}: install the client"
        f" programs of PostgreSQL {at_least} (on the PATH).",
        code="backup_other_version",
    )


def _programs(name: str) -> list[Path]:
    paths = []
    with contextlib.suppress(Unavailable):
        from vori.data.embedded import programs

        paths.append(programs() / name)
    if on_path := shutil.which(name):
        paths.append(Path(on_path))
    return [path for path in paths if path.exists()]


def _connection(url: str) -> tuple[str, dict[str, str]]:
    """The URL without its password, which other users of this machine could see, and that."""
    parts = urlsplit(url)
    if parts.password is None:
        return url, {}
    from urllib.parse import unquote

    user, _, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}@{host}"
    return urlunsplit(parts._replace(netloc=netloc)), {"PGPASSWORD": unquote(parts.password)}


async def _run(command: list[Any], environment: dict[str, str]) -> None:
    """Raises Unavailable with the program's last words; it ends when the caller is cancelled."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": "/nonexistent"}
        | environment,
    )
    try:
        _, told = await process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode:
        # Never the rows: an error in them quotes what was said.
        lines = [line for line in told.decode(errors="replace").splitlines() if ":" in line]
        why = next((line for line in lines if "error" in line.lower()), "")[:300]
        raise Unavailable(
            f"{Path(command[0]).name} failed: {why or process.returncode}",
            code="restore_failed" if "psql" in str(command[0]) else "backup_failed",
        )
