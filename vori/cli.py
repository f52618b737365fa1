"""The `vori` command.

Exit codes: 0 done · 1 it failed, and standard error says why · 2 used wrongly: an unknown
option, a wrong setting, a file that cannot be read as what it should be · 3 something VORI
needs is away: the database, the model, a port.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from vori import __version__, log
from vori.errors import BadMessage, Unavailable, VoriError
from vori.settings import BadSetting, Settings, load

T = TypeVar("T")

FAILED, USED_WRONGLY, AWAY = 1, 2, 3


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 failed, 2 used wrongly, 3 something VORI needs is away.",
)
@click.version_option(__version__, prog_name="vori")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="A TOML file of settings; may be given several times, later ones win. Without it "
    "config/local.toml is read if there is one.",
)
@click.option("--home", help="Where database, sound and models are kept (VORI_HOME).")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="log.level"
)
@click.pass_context
def cli(
    context: click.Context, config: tuple[Path, ...], home: str | None, log_level: str | None
) -> None:
    """VORI listens to meetings and turns what was said into tracked work.

    \b
      vori demo                    watch a recorded meeting become tickets and minutes
      vori serve --dev             a server for yourself, without sign-in
      vori serve                   a server for your team
      vori transcribe talk.m4a     captions of a file

    Every setting is in config/default.toml; VORI_SPEECH__MODEL=small sets model of [speech].
    """  # noqa: D301 - click reads the backspace
    context.obj = (config, {"home": home, "log.level": log_level})


def settings_of(context: click.Context, **overrides: Any) -> Settings:
    """The tree, with what was given on the command line, and logs set up."""
    files, common = context.obj
    if not files:
        named = os.environ.get("VORI_CONFIG")
        local = Path("config/local.toml")
        files = (Path(named),) if named else (local,) if local.exists() else ()
    given = {
        name.replace("__", "."): value
        for name, value in (common | overrides).items()
        if value is not None
    }
    settings = load(files, overrides=given)
    log.configure(settings.log)
    return settings


@cli.command()
@click.option("--host", help="Address to listen on (server.host).")
@click.option("--port", type=int, help="Port; 0 takes a free one (server.port).")
@click.option(
    "--workers", help="Which workers this process hosts: web,transcribe,tickets,streams,analytics."
)
@click.option("--model", help="auto, demo, a size, a directory or a hub repository (speech.model).")
@click.option("--dev", is_flag=True, help="Sign everyone in as admin of group 1; loopback only.")
@click.pass_context
def serve(
    context: click.Context,
    host: str | None,
    port: int | None,
    workers: str | None,
    model: str | None,
    dev: bool,
) -> None:
    """Run VORI until it is told to stop (Ctrl-C, SIGTERM).

    Prints `VORI listens on http://HOST:PORT` when it answers. Stopping tells clients to resume,
    finishes the captions in flight, and leaves the rest for the next start.
    """
    from vori.app import run

    settings = settings_of(
        context,
        server__host=host,
        server__port=port,
        server__workers=workers,
        server__dev=dev or None,
        speech__model=model,
    )
    run(
        settings,
        announce=lambda url: click.echo(f"VORI listens on {url}"),
        invite=lambda url: click.echo(
            f"Nobody can sign in yet. This link makes the first administrator, once: {url}"
        ),
    )


@cli.command()
@click.option("--speed", type=click.FloatRange(0.1, 50), default=1.0, show_default=True)
@click.option("--model", default="demo", show_default=True, help="As for `vori serve`.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def demo(speed: float, model: str, as_json: bool) -> None:
    """Play the bundled meeting through a real server and show what comes of it.

    Starts `vori serve --dev` with a new home on a free port, streams a recorded stand-up into
    it as a browser would, and shows captions, tickets and minutes as they come. Nothing is
    left behind. Needs no network.
    """
    from vori.demo.play import play

    _run(lambda: play(speed=speed, model=model, as_json=as_json))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", help="auto, demo, a size, a directory or a hub repository (speech.model).")
@click.option("--language", type=click.Choice(["auto", "ko", "en"]), help="speech.language")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def transcribe(
    context: click.Context,
    file: Path,
    model: str | None,
    language: str | None,
    as_json: bool,
) -> None:
    """Print the captions of a sound file (anything libav reads), without a server.

    With --json: {"text", "language", "durationMs", "model", "captions": [{"startMs", "endMs",
    "text"}]}.
    """
    from vori.app import load_recogniser, replicas_of
    from vori.transcribe.file import transcribe_file

    settings = settings_of(context, speech__model=model, speech__language=language)
    if not file.is_file():
        raise BadMessage(f"{file}: there is no such file.", code="no_such_file")
    recogniser = load_recogniser(settings)
    result = transcribe_file(
        file,
        recogniser,
        settings.speech,
        workers=replicas_of(settings, recogniser),
        show_progress=not as_json,
    )
    if as_json:
        _print_json(result)
        return
    for caption in result.captions:
        click.echo(f"[{_clock(caption.start_ms)}] {caption.text}")


@cli.command()
@click.argument("meeting", type=int)
@click.option("--model", help="Another model than the one live rooms are heard with.")
@click.option("--language", type=click.Choice(["ko", "en"]), help="Told from the sound without it.")
@click.option("--draft", is_flag=True, help="Keep the captions aside, to be compared and applied.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def retranscribe(
    context: click.Context,
    meeting: int,
    model: str | None,
    language: str | None,
    draft: bool,
    as_json: bool,
) -> None:
    """Put all recordings of MEETING into words again, in the background of `vori serve`.

    Asks for one job for each recording that is over; a VORI that runs on this home begins within
    seconds, else the next one that starts. The old captions are kept as a version.
    """
    from vori.transcribe.jobs import Wanted, ask_for_meeting

    wanted = Wanted(model=model, language=language, applies=not draft)
    jobs, passed = _with_database(context, lambda: ask_for_meeting(meeting, wanted))
    if as_json:
        _print_json({"jobs": jobs, "passed": passed})
        return
    for job in jobs:
        click.echo(f"{job.audio_id}: job {job.job_id} makes version {job.version}")
    for audio_id, reason in passed.items():
        click.echo(f"{audio_id}: {reason}", err=True)
    if not jobs:
        sys.exit(FAILED)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Look at this machine and say what VORI would use, and what is missing.

    Ends with 1 when something that `vori serve` needs is missing.
    """
    from vori.doctor import examine

    findings = examine(settings_of(context))
    if as_json:
        _print_json({"findings": findings, "ok": not any(f.is_fatal for f in findings)})
    else:
        for finding in findings:
            mark = "✗" if finding.is_fatal else "!" if finding.is_warning else "✓"
            click.echo(f"{mark} {finding.topic:<12} {finding.text}")
    if any(finding.is_fatal for finding in findings):
        sys.exit(FAILED)


@cli.command()
@click.pass_context
def migrate(context: click.Context) -> None:
    """Bring the database's schema up to date (`vori serve` does it too)."""
    from vori.app import open_database
    from vori.data.migrate import migrate as bring_up_to_date

    settings = settings_of(context)

    async def work() -> None:
        async with open_database(settings, migrated=False):
            done = await bring_up_to_date()
            click.echo(f"ran {', '.join(done)}" if done else "the schema is up to date")

    _run(work)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def backup(context: click.Context, file: Path, as_json: bool) -> None:
    """Write database, sound and settings (no secrets) into FILE, also while VORI runs.

    The file is not encrypted, and as private as the meetings. Sound that other machines recorded
    is backed up there.
    """
    from vori.data.backup import back_up

    settings = settings_of(context)
    made = _with_database(
        context, lambda: back_up(file, settings.home_path, msgspec.to_builtins(settings))
    )
    if as_json:
        _print_json(made)
        return
    rows = sum(made.rows.values())
    click.echo(f"{file}: {rows} rows, sound of {made.recordings} recordings")
    if made.elsewhere:
        click.echo(f"the sound of {made.elsewhere} recordings is on other machines", err=True)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Set aside what is in the home.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def restore(context: click.Context, file: Path, force: bool, as_json: bool) -> None:
    """Make this home, and the database of database.url if it is set, of the backup FILE.

    The home must be empty (or --force), the database too. Everybody signs in again; whoever was
    forgotten after the backup has to be forgotten again.
    """
    from vori.app import restore_backup

    settings = settings_of(context)
    made, aside = _run(lambda: restore_backup(settings, file, force=force))
    if as_json:
        _print_json(made)
        return
    click.echo(
        f"{settings.home_path}: {sum(made.rows.values())} rows, sound of {made.recordings}"
        f" recordings, of {made.made_at:%Y-%m-%d %H:%M} UTC"
    )
    if aside.exists():
        click.echo(f"what was there before is in {aside}")


@cli.group()
def user() -> None:
    """People who may sign in."""


@user.command("add")
@click.argument("name")
@click.option("--email", help="Unique; the name people sign in with later.")
@click.option("--group", "group_name", help="Put them into this group, made if there is none.")
@click.option("--role", type=click.Choice(["ADMIN", "MEMBER"]), default="MEMBER", show_default=True)
@click.option("--admin", is_flag=True, help="May run this VORI (instance admin).")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def user_add(
    context: click.Context,
    name: str,
    email: str | None,
    group_name: str | None,
    role: str,
    admin: bool,
    as_json: bool,
) -> None:
    """Add somebody: `vori user add "김민지" --email minji@example.com --group Web --role ADMIN`."""
    from vori.people.admin import add_user

    made = _with_database(
        context,
        lambda: add_user(name, email=email, group_name=group_name, role=role, is_admin=admin),
    )
    if as_json:
        _print_json(made)
    else:
        click.echo(f"user {made['userId']}: {name}")


@user.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def user_list(context: click.Context, as_json: bool) -> None:
    """List everybody, with their groups."""
    from vori.people.admin import list_users

    people = _with_database(context, list_users)
    if as_json:
        _print_json(people)
        return
    if not people:
        click.echo("nobody yet; see `vori user add --help`", err=True)
    for person in people:
        groups = ", ".join(f"{g['name']} ({g['role']})" for g in person["groups"])
        click.echo(
            f"{person['userId']:>6}  {person['name']:<24} {person['email'] or '':<30} {groups}"
        )


@user.command("link")
@click.argument("who")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def user_link(context: click.Context, who: str, as_json: bool) -> None:
    """Print a one-time link by which WHO (number or address) sets their password.

    It is a path on this VORI: put its address before it. `signin.link_hours` says how long it
    works; a link made before stops working.
    """
    from vori.people.admin import create_link

    hours = settings_of(context).signin.link_hours
    made = _with_database(context, lambda: create_link(who, hours=hours))
    if as_json:
        _print_json(made)
    else:
        click.echo(made["path"])


@user.command("export")
@click.argument("who")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--sound", is_flag=True, help="Also the sound of their recordings in this home.")
@click.pass_context
def user_export(context: click.Context, who: str, out: Path, sound: bool) -> None:
    """Write all that belongs to WHO (number or address) into a ZIP of JSON files."""
    from vori.people.admin import export_user
    from vori.people.export import add_sound

    user_id, archive = _with_database(context, lambda: export_user(who))
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(archive)
    except OSError as exc:
        raise BadMessage(f"{out}: {exc.strerror}.", code="cannot_write") from exc
    added = add_sound(out, settings_of(context).home_path) if sound else 0
    click.echo(f"user {user_id}: {out}" + (f", with {added} recordings" if sound else ""))


@user.command("erase")
@click.argument("who")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--keep-spoken", is_flag=True, help="Leave the name where somebody said or wrote it.")
@click.option("--with-groups", is_flag=True, help="Delete groups in which nobody else is, too.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def user_erase(
    context: click.Context,
    who: str,
    dry_run: bool,
    yes: bool,
    keep_spoken: bool,
    with_groups: bool,
    as_json: bool,
) -> None:
    """Forget WHO (number or address): account, sound, name. Cannot be undone.

    Shows what would be done and asks, unless --yes. Tells at the end what remains, and why.
    """
    from vori.app import sweeper_of
    from vori.clock import SystemClock
    from vori.people.admin import erase_user

    remove_sound = sweeper_of(settings_of(context), SystemClock()).remove_sound

    def work(dry_run: bool) -> Any:
        return _with_database(
            context,
            lambda: erase_user(
                who,
                keep_spoken=keep_spoken,
                with_groups=with_groups,
                dry_run=dry_run,
                remove_sound=remove_sound,
            ),
        )

    if dry_run or not yes:
        erased = work(True)
        _print_json(erased) if as_json else _tell_erased(erased)
        if dry_run:
            return
        click.confirm("Forget this person now? It cannot be undone.", abort=True, err=True)
    erased = work(False)
    _print_json(erased) if as_json else _tell_erased(erased)


def _tell_erased(erased: Any) -> None:
    would = "would be" if erased.is_dry_run else "was"
    click.echo(f"user {erased.user_id} {would} forgotten")
    click.echo(f"  sound of {erased.recordings} recordings deleted")
    click.echo(f"  {erased.unassigned} tickets given to nobody")
    for place, rows in erased.replaced.items():
        click.echo(f"  name or address replaced in {rows} rows of {place}")
    for label, groups in (
        ("groups deleted", erased.groups_deleted),
        ("groups in which nobody is left", erased.groups_without_members),
        ("groups with a namesake, whose words keep the name", erased.namesakes_in),
    ):
        if groups:
            click.echo(f"  {label}: {', '.join(map(str, groups))}")
    if erased.name_stays:
        click.echo(f"  the name stays in what was said: {erased.name_stays}")
    click.echo("What remains:")
    for line in erased.remains:
        click.echo(f"  - {line}")


@cli.group()
def retention() -> None:
    """Deleting by age: each group's sound and words (`keepSoundDays`, `keepWordsDays`)."""


@retention.command("run")
@click.option("--dry-run", is_flag=True, help="Only tell what is due.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def retention_run(context: click.Context, dry_run: bool, as_json: bool) -> None:
    """Delete now what is due; `vori serve` does it every `retention.sweep_s`.

    Sound on other machines is removed by the VORI there, at its next look.
    """
    from vori.app import sweeper_of
    from vori.clock import SystemClock

    sweeper = sweeper_of(settings_of(context), SystemClock())
    swept = _with_database(context, lambda: sweeper.sweep(dry_run=dry_run))
    if as_json:
        _print_json(swept)
        return
    verb = "would delete" if dry_run else "deleted"
    for what, meetings in (("sound", swept.sound_of), ("words", swept.words_of)):
        listed = ", ".join(map(str, meetings[:20])) + (" …" if len(meetings) > 20 else "")
        click.echo(f"{verb} the {what} of {len(meetings)} meetings{': ' if listed else ''}{listed}")
    click.echo(f"{verb} {swept.audit_rows} lines of the audit log")
    click.echo(f"{verb} the files of {swept.recordings} recordings in this home")


@cli.group()
def token() -> None:
    """Secrets by which programs sign in."""


@token.command("create")
@click.option("--user", "who", required=True, help="The user's number or e-mail address.")
@click.option("--name", default="command line", show_default=True, help="What it is for.")
@click.option("--days", type=click.IntRange(1), help="Expires after so many days.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(["read", "write", "record", "admin"]),
    multiple=True,
    help="What it may be used for; all without.",
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def token_create(
    context: click.Context,
    who: str,
    name: str,
    days: int | None,
    scopes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a token; it is shown this once."""
    from vori.people.admin import create_token

    made = _with_database(context, lambda: create_token(who, name=name, days=days, scopes=scopes))
    if as_json:
        _print_json(made)
    else:
        click.echo(made["token"])


@cli.group()
def tickets() -> None:
    """Tickets out of text."""


@tickets.command("extract")
@click.argument("case", type=click.Path(path_type=Path))
@click.option(
    "--engine", type=click.Choice(["local", "claude"]), default="local", show_default=True
)
@click.pass_context
def tickets_extract(context: click.Context, case: Path, engine: str) -> None:
    """Read the meeting in CASE (JSON) and print what an engine finds, as one JSON object.

    CASE has startedAt, members, existingTickets and segments; the answer has newTickets,
    ticketUpdates and blockers.
    """
    from vori.tickets.case import answer, read_case

    settings = settings_of(context)
    try:
        data = case.read_bytes()
    except OSError as exc:
        raise BadMessage(f"{case}: {exc.strerror}.", code="no_such_file") from exc
    passage = read_case(data)
    if engine == "claude":
        from vori.app import claude_extractor

        extractor: Any = claude_extractor(settings)
    else:
        from vori.tickets.extract.local import LocalExtractor

        extractor = LocalExtractor()
    _print_json(answer(asyncio.run(extractor.extract(passage))))


@cli.group()
def analytics() -> None:
    """What meetings led to, counted by Spark."""


@analytics.command("submit")
@click.option("--master", help="local[*], spark://host:7077 … (spark.master).")
@click.option("--once", is_flag=True, help="Work off what is there, count the weeks, and end.")
@click.pass_context
def analytics_submit(context: click.Context, master: str | None, once: bool) -> None:
    """Run the analytics job here, as the driver of a cluster, until it is told to stop.

    Prints a JSON line for each batch. Set spark.enabled = "off" where `vori serve` runs, or it
    waits for this job to go before it counts again. The cluster's workers need VORI installed,
    and to reach the database (database.url) or Kafka.
    """
    from vori.analytics.submit import find_java, plan_of, submit
    from vori.app import open_database
    from vori.data.engine import DB

    settings = settings_of(context, spark__master=master)
    java_home = find_java(settings.spark.java_home)

    async def work() -> int:
        async with open_database(settings):
            assert DB.url is not None
            plan = plan_of(
                settings.spark,
                settings.kafka,
                home=settings.home_path,
                database_url=DB.url,
                once=once,
            )
            return await submit(plan, java_home, _print_json)

    sys.exit(_run(work))


@cli.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("what", default="all")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def bench(what: str, options: tuple[str, ...]) -> None:
    """Measure: start, captions, events, speech, tickets, analytics, page, or all; `--json` prints one object.

    `vori bench captions --help` tells the options of that one. Needs the repository's folder
    benchmarks/. Figures of one run compare with each other, not with another machine's.
    """
    folder = Path(__file__).parents[1] / "benchmarks"
    if not (folder / "__main__.py").exists():
        raise Unavailable("benchmarks/ is not here: run this in a clone.", code="no_benchmarks")
    arguments = [sys.executable, "-m", "benchmarks", what, *options]
    os.chdir(folder.parent)
    os.execv(sys.executable, arguments)  # noqa: S606 - our own program, no shell


def _with_database(context: click.Context, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on the database of these settings; beside a running VORI too."""
    from vori.app import open_database

    settings = settings_of(context)

    async def inside() -> T:
        async with open_database(settings):
            return await work()

    return _run(inside)


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(work())


def _print_json(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def _clock(millis: int) -> str:
    return f"{millis // 60_000:02}:{millis // 1000 % 60:02}"


class _Ended:
    status = 128 + signal.SIGINT
    """What a shell sees of a program that a signal ended."""


def _interrupt(_: int, frame: Any) -> None:
    """SIGTERM like Ctrl-C, also where Ctrl-C is ignored: what was started is stopped."""
    _Ended.status = 128 + signal.SIGTERM
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def main() -> None:
    """Run the command; a VoriError is one line on standard error and an exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.Abort:
        sys.exit(_Ended.status)
    except click.ClickException as exc:
        exc.show()
        sys.exit(USED_WRONGLY)
    except VoriError as exc:
        click.echo(f"vori: {exc.message}", err=True)
        wrong = isinstance(exc, BadSetting | BadMessage)
        sys.exit(USED_WRONGLY if wrong else AWAY if isinstance(exc, Unavailable) else FAILED)
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
