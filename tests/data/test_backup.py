"""A backup is whole or refused, and what is made of it is what was backed up."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec
import pytest

from tests.conftest import UNSAFE_BUT_FAST
from tests.data.test_retention import keep_sound
from vori.app import open_database, restore_backup
from vori.data import backup as backing_up
from vori.data import embedded
from vori.data.backup import Manifest, back_up, unpack
from vori.data.embedded import Embedded
from vori.data.engine import DB
from vori.data.home import home_id
from vori.data.migrate import known_steps, migrate
from vori.errors import BadMessage, Conflict, Unavailable, VoriError
from vori.ids import uuid7
from vori.settings import Database, Kafka, Settings

pytestmark = pytest.mark.postgres

SECRET = "p%40ss w0rd"


@pytest.fixture(autouse=True)
def fast_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "OPTIONS", {**embedded.OPTIONS, **UNSAFE_BUT_FAST})


async def fill(home: Path) -> Path:
    """Rows and sound of a meeting; the sound's folder."""
    [group] = await DB.fetch("INSERT INTO groups (name) VALUES ('팀 \"A\"') RETURNING id")
    await DB.fetch("INSERT INTO users (name, email) VALUES ('김민지', 'minji@example.org')")
    await DB.fetch(
        "INSERT INTO sessions (user_id, hash, expires_at) VALUES (1, '\\x01', now() + interval '1d')"
    )
    await DB.fetch("INSERT INTO meetings (id, group_id, title) VALUES (7, $1, 'x')", group["id"])
    recording = uuid7()
    await DB.fetch(
        "INSERT INTO recordings (id, audio_id, meeting_id, group_id, status)"
        " VALUES ($1, 'mic', 7, $2, 'COMPLETE')",
        recording,
        group["id"],
    )
    await DB.fetch(
        "INSERT INTO recording_homes (recording_id, home) VALUES ($1, $2)", recording, home_id(home)
    )
    await DB.fetch(
        "INSERT INTO captions (id, recording_id, meeting_id, group_id, seq, text, words)"
        " SELECT gen_random_uuid(), $1, 7, $2, n, 'SET transaction_timeout = 0; 말' || n, '[]'"
        " FROM generate_series(0, 999) n",
        recording,
        group["id"],
    )
    await DB.fetch(
        "INSERT INTO tickets (group_id, title) VALUES ($1, E'a\\tb\\n\\\\.')", group["id"]
    )
    await DB.fetch(
        "INSERT INTO outbox (event_id, topic, key, payload) VALUES ($1, 'x', '7', '{}')", uuid4()
    )
    folder = keep_sound(home, 7, recording)
    (folder / "000.json").write_text("{}")
    (folder / "000.tmp").write_text("half written")
    keep_sound(home, 7, uuid7())  # of a recording that no row knows: begun after the backup
    return folder


EVERYTHING = """
SELECT table_name AS t FROM information_schema.tables
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1
"""


async def everything() -> dict[str, list[str]]:
    """Every row of every table as text; but for sessions and the outbox' transaction ids."""
    found = {}
    for row in await DB.fetch(EVERYTHING):
        rows = await DB.fetch(f'SELECT x::text AS row FROM "{row["t"]}" x ORDER BY 1')
        if row["t"] not in ("sessions", "outbox"):
            found[row["t"]] = [one["row"] for one in rows]
    return found


def settings_of(home: Path, **database: Any) -> Settings:
    return Settings(
        home=str(home),
        database=Database(**database),
        kafka=Kafka(sasl_password=SECRET),
    )


async def make_backup(settings: Settings, out: Path) -> Manifest:
    return await back_up(out, settings.home_path, msgspec.to_builtins(settings))


@pytest.fixture
async def backup(database: str, server_dir: Path) -> Path:
    """Of the tests' database, with sound in the home `old`."""
    (server_dir / "old").mkdir()
    await fill(server_dir / "old")
    out = server_dir / "vori.backup"
    await make_backup(settings_of(server_dir / "old", url=database), out)
    return out


async def test_a_restored_home_has_the_same_rows_and_sound(backup: Path, server_dir: Path) -> None:
    before = await everything()
    await DB.close()
    new = settings_of(server_dir / "new")
    made, aside = await restore_backup(new, backup, force=False)
    assert not aside.exists()
    assert made.rows["captions"] == 1000
    async with open_database(new):
        assert await everything() == before
        assert await DB.fetch("SELECT 1 FROM sessions") == []
        assert len(await DB.fetch("SELECT 1 FROM outbox")) == 1
        [meeting] = await DB.fetch(
            "INSERT INTO tickets (group_id, title) VALUES (1, 'n') RETURNING id"
        )
        assert meeting["id"] == "T-2"  # sequences go on
    old, restored = server_dir / "old", server_dir / "new"
    assert home_id(restored) == home_id(old)
    sound = {path.relative_to(restored): path for path in (restored / "journal").rglob("*.*")}
    assert sorted(path.name for path in sound) == ["000.audio", "000.json"]
    for relative, path in sound.items():
        assert path.read_bytes() == (old / relative).read_bytes()
        assert path.stat().st_mode & 0o077 == 0
    assert not (restored / "restore.part").exists()


async def test_a_backup_holds_no_secret_and_is_its_owner_s_alone(
    backup: Path, database: str
) -> None:
    assert backup.stat().st_mode & 0o077 == 0
    with tarfile.open(backup) as tar:
        settings = tar.extractfile("settings.json")
        assert settings is not None
        told = settings.read().decode()
        names = tar.getnames()
    assert SECRET not in told
    assert database not in told
    assert '"bootstrap"' in told
    assert names[0] == "manifest.json"
    assert names[-1] == "SHA256SUMS"
    assert not any("tmp" in name for name in names)
    assert list(backup.parent.glob("*.part")) == []


async def test_a_backup_is_of_one_moment_though_people_go_on(
    database: str,
    server_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_database: Callable[..., str],
) -> None:
    await fill(server_dir)
    real = backing_up._run

    async def run(command: list[Any], environment: dict[str, str]) -> None:
        await DB.fetch("INSERT INTO groups (name) VALUES ('made meanwhile')")
        await DB.fetch("DELETE FROM captions WHERE seq < 500")
        await real(command, environment)

    monkeypatch.setattr(backing_up, "_run", run)
    settings = settings_of(server_dir, url=database)
    made = await make_backup(settings, server_dir / "b")
    monkeypatch.setattr(backing_up, "_run", real)
    assert (made.rows["groups"], made.rows["captions"]) == (1, 1000)
    await DB.close()
    new = settings_of(server_dir / "new", url=make_database("template0"))
    await restore_backup(new, server_dir / "b", force=False)


async def test_an_external_database_is_restored_into_an_empty_one(
    backup: Path, server_dir: Path, make_database: Callable[..., str]
) -> None:
    before = await everything()
    await DB.close()
    full = settings_of(server_dir / "full", url=make_database())
    with pytest.raises(Conflict) as refused:
        await restore_backup(full, backup, force=True)
    assert refused.value.code == "database_not_empty"
    assert [path.name for path in (server_dir / "full").iterdir()] == ["lock"]
    empty = settings_of(server_dir / "new", url=make_database("template0"))
    await restore_backup(empty, backup, force=False)
    async with open_database(empty):
        assert await everything() == before
    assert not (server_dir / "new" / "postgres").exists()


async def test_a_home_that_holds_something_is_left_alone_unless_forced(
    backup: Path, server_dir: Path, make_database: Callable[..., str]
) -> None:
    await DB.close()
    home = server_dir / "old"
    settings = settings_of(home, url=make_database("template0"))
    with pytest.raises(Conflict) as refused:
        await restore_backup(settings, backup, force=False)
    assert refused.value.code == "home_not_empty"
    before = sorted(home.rglob("*"))
    _, aside = await restore_backup(settings, backup, force=True)
    assert sorted(aside.rglob("*.audio")) == sorted(
        aside / path.relative_to(home) for path in before if path.suffix == ".audio"
    )
    assert len(list((home / "journal").rglob("*.audio"))) == 1


async def test_a_restore_that_fails_leaves_the_home_as_it_was(
    backup: Path, server_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await DB.close()
    home = server_dir / "old"
    before = sorted(path for path in home.rglob("*") if path.name != "lock")

    async def fails(*_: Any) -> None:
        raise Unavailable("psql failed", code="restore_failed")

    monkeypatch.setattr(backing_up, "_run", fails)
    with pytest.raises(Unavailable):
        await restore_backup(settings_of(home), backup, force=True)
    after = sorted(path for path in home.rglob("*") if path.name not in ("lock", "postgres.log"))
    assert after == before


def _rewritten(backup: Path, out: Path, change: Callable[[str, bytes], Any]) -> Path:
    """The tar again; `change` gives each entry's new bytes, or a TarInfo to put instead, or None."""
    with tarfile.open(backup) as old, tarfile.open(out, "w") as new:
        for entry in old:
            source = old.extractfile(entry)
            assert source is not None
            changed = change(entry.name, source.read())
            if isinstance(changed, tarfile.TarInfo):
                new.addfile(changed, io.BytesIO(b"x" * changed.size))
            elif changed is not None:
                entry.size = len(changed)
                new.addfile(entry, io.BytesIO(changed))
    return out


def _evil(name: str, **more: Any) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    for key, value in more.items():
        setattr(entry, key, value)
    return entry


async def test_a_file_that_is_no_whole_backup_is_refused(backup: Path, server_dir: Path) -> None:
    whole = backup.read_bytes()
    uuid = str(uuid4())
    files: dict[str, bytes | Callable[[str, bytes], Any]] = {
        "empty": b"",
        "text": b"not a tar" * 200,
        "cut short": whole[: len(whole) // 2],
        "without its end": lambda name, data: None if name == "SHA256SUMS" else data,
        "damaged": lambda name, data: data[:-1] + b"?" if name.endswith(".audio") else data,
        "missing sound": lambda name, data: None if name.endswith(".audio") else data,
        "path up": lambda name, data: _evil("../evil", size=1) if "settings" in name else data,
        "path from the root": lambda n, d: _evil("/tmp/evil", size=1) if "settings" in n else d,
        "sound elsewhere": lambda n, d: (
            _evil(f"journal/7/{uuid}/../../../id", size=1) if "settings" in n else d
        ),
        "link": lambda n, d: (
            _evil("settings.json", type=tarfile.SYMTYPE, linkname="/etc/passwd")
            if "settings" in n
            else d
        ),
        "hard link": lambda n, d: (
            _evil("settings.json", type=tarfile.LNKTYPE, linkname="manifest.json")
            if "settings" in n
            else d
        ),
        "device": lambda n, d: (
            _evil("settings.json", type=tarfile.CHRTYPE) if "settings" in n else d
        ),
        "twice": lambda n, d: _evil("manifest.json", size=1) if "settings" in n else d,
    }
    home = server_dir / "new"
    home.mkdir()
    for what, content in files.items():
        file = server_dir / "wrong"
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            _rewritten(backup, file, content)
        with pytest.raises(BadMessage) as refused:
            unpack(file, home, force=False, keeps_database=True)
        assert refused.value.code == "bad_backup", what
        assert list(home.iterdir()) == [], what
    with pytest.raises(BadMessage):
        unpack(server_dir / "nowhere", home, force=False, keeps_database=True)


def _of(backup: Path, out: Path, **changes: Any) -> Path:
    """The backup with another manifest, and sums that fit it."""
    import hashlib

    sums: dict[str, str] = {}

    def change(name: str, data: bytes) -> bytes:
        if name == "manifest.json":
            data = msgspec.json.encode(msgspec.json.decode(data) | changes)
        if name == "SHA256SUMS":
            return "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode()
        sums[name] = hashlib.sha256(data).hexdigest()
        return data

    return _rewritten(backup, out, change)


async def test_a_backup_of_something_newer_is_refused_and_says_what_to_do(
    backup: Path, server_dir: Path, make_database: Callable[..., str]
) -> None:
    await DB.close()
    url = make_database("template0")
    steps = [*known_steps(), "9999"]
    for changes, code, says in (
        ({"steps": steps}, "database_newer", "newer VORI"),
        ({"format": 2}, "database_newer", "format 2"),
        ({"postgres": 99}, "backup_other_version", "PostgreSQL 99"),
        ({"rows": {"groups": 3}}, "restore_failed", "groups"),
    ):
        file = _of(backup, server_dir / "other", **changes)
        settings = settings_of(server_dir / "new", url=url)
        with pytest.raises(Unavailable) as refused:
            await restore_backup(settings, file, force=False)
        assert refused.value.code == code
        assert says in refused.value.message
        left = [
            p.name for p in settings.home_path.iterdir() if p.name not in ("lock", "postgres.log")
        ]
        assert left == []
        file.unlink()


async def test_a_server_newer_than_the_programs_says_what_to_install() -> None:
    with pytest.raises(VoriError) as refused:
        backing_up._program("pg_dump", at_least=99)
    assert refused.value.code == "backup_other_version"
    assert "PostgreSQL 99" in refused.value.message
    with pytest.raises(VoriError) as refused:
        backing_up._program("pg_nothing")
    assert refused.value.code == "no_programs"


async def test_the_file_that_is_there_stays(backup: Path, server_dir: Path, database: str) -> None:
    with pytest.raises(BadMessage) as refused:
        await make_backup(settings_of(server_dir / "old", url=database), backup)
    assert refused.value.code == "file_exists"
    with pytest.raises(BadMessage) as refused:
        await make_backup(settings_of(server_dir / "old", url=database), server_dir / "no" / "b")
    assert refused.value.code == "cannot_write"


def test_a_password_stands_in_no_command() -> None:
    command, environment = backing_up._connection(
        f"postgresql://vori:{quote('p@ss/word', safe='')}@db.example:5433/vori?sslmode=require"
    )
    assert command == "postgresql://vori@db.example:5433/vori?sslmode=require"
    assert environment == {"PGPASSWORD": "p@ss/word"}
    socket = "postgresql://postgres@/postgres?host=%2Ftmp%2Fx&port=5432"
    assert backing_up._connection(socket) == (socket, {})


def vori(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VORI_")}
    return subprocess.run(
        [sys.executable, "-m", "vori", "--home", str(home), *arguments],
        capture_output=True, text=True, timeout=300, env=kept, check=False,
    )  # fmt: skip


async def test_a_running_vori_is_backed_up_and_not_restored_over(
    server_dir: Path,
) -> None:
    home = server_dir / "home"
    settings = settings_of(home)
    async with open_database(settings):  # holds the home, as `vori serve` does
        await fill(home)
        done = await asyncio.to_thread(vori, home, "backup", str(server_dir / "b"))
        assert done.returncode == 0, done.stderr
        assert "sound of 1 recordings" in done.stdout
        with pytest.raises(Conflict) as refused:
            await restore_backup(settings, server_dir / "b", force=True)
        assert refused.value.code == "home_in_use"


OLDER = sorted(Path("/usr/lib/postgresql").glob("1[4-7]/bin"))

if OLDER:

    @pytest.fixture
    def older(monkeypatch: pytest.MonkeyPatch, server_dir: Path) -> Iterator[str]:
        """A PostgreSQL of an older major version, with its own empty database."""
        monkeypatch.setattr(embedded, "programs", lambda: OLDER[-1])
        monkeypatch.setattr(embedded, "MAJOR", int(OLDER[-1].parent.name))
        monkeypatch.setattr(Embedded, "_make", _make_older)
        server = Embedded(server_dir / "older", options=UNSAFE_BUT_FAST)
        server.start()
        monkeypatch.undo()
        monkeypatch.setattr(embedded, "OPTIONS", {**embedded.OPTIONS, **UNSAFE_BUT_FAST})
        yield server.url
        server.stop()

    def _make_older(self: Embedded, account: Any) -> None:
        self.directory.mkdir(mode=0o700)
        if account:
            os.chown(self.directory, account.pw_uid, account.pw_gid)
        subprocess.run(
            [OLDER[-1] / "initdb", "-D", self.directory, "--username=postgres", "--auth=trust",
             "--encoding=UTF8", "--locale=C.UTF-8"],
            check=True, capture_output=True, **embedded._run_as(account),
        )  # fmt: skip

    async def test_a_newer_server_s_backup_is_not_restored_into_an_older_one_but_backwards(
        older: str, backup: Path, server_dir: Path
    ) -> None:
        await DB.close()
        newer = _of(backup, server_dir / "of-18", postgres=embedded.MAJOR)
        with pytest.raises(Unavailable) as refused:
            await restore_backup(settings_of(server_dir / "a", url=older), newer, force=False)
        assert refused.value.code == "backup_other_version"

        settings = settings_of(server_dir / "older-home", url=older)
        (server_dir / "older-home").mkdir()
        async with open_database(settings):
            await migrate()
            await fill(settings.home_path)
            before = await everything()
            made = await make_backup(settings, server_dir / "b")
            await DB.fetch("CREATE DATABASE other")
        assert made.postgres == int(OLDER[-1].parent.name)
        for url in (None, older.replace("/postgres?", "/other?")):
            new = settings_of(server_dir / f"new-{bool(url)}", url=url)
            await restore_backup(new, server_dir / "b", force=False)
            async with open_database(new):
                assert await everything() == before
