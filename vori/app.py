"""Builds the parts of VORI and joins them. Nothing imports this but the command line."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import os
from collections.abc import AsyncIterator, Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from litestar import Litestar, websocket
from litestar.connection import WebSocket
from litestar.params import FromPath

from vori import log, web
from vori.analytics.messages import MinutesCounted
from vori.clock import Clock, SystemClock
from vori.data.backup import Manifest, unpack
from vori.data.engine import DB, transaction
from vori.data.home import home_id, open_home
from vori.data.migrate import migrate
from vori.data.outbox import publish
from vori.data.retention import Sweeper
from vori.errors import Conflict, Unavailable, VoriError
from vori.ids import AudioId, EventId, GroupId, MeetingId, uuid7
from vori.meetings import sound
from vori.meetings.events import Events, events_socket
from vori.meetings.messages import MeetingStatus, MeetingUpdated
from vori.meetings.store import MinutesText, announce_updated
from vori.page import page_route
from vori.people.auth import SignIn, ensure_dev, principal_of
from vori.people.messages import Principal
from vori.people.oidc import OpenIdConnect
from vori.people.sessions import make_link
from vori.people.store import has_users
from vori.server import Server, configure, listen
from vori.settings import BadSetting, Settings, WorkerName
from vori.streams import topics
from vori.streams.relay import Road
from vori.streams.routes import dead_letter_routes
from vori.system import system_route
from vori.tickets.extract import Extractor
from vori.tickets.messages import (
    ProposalCreated,
    ProposalDecided,
    TicketCreated,
    TicketUpdated,
)
from vori.tickets.preview import reread_route
from vori.tickets.reader import TicketReader
from vori.transcribe.messages import Caption
from vori.transcribe.outgoing import Board
from vori.transcribe.protocols.audio_stream import AudioStream
from vori.transcribe.protocols.chunks import chunks_route
from vori.transcribe.protocols.deepgram import deepgram_route
from vori.transcribe.protocols.meeting import MeetingDialect
from vori.transcribe.protocols.openai_files import transcriptions_route, translations_route
from vori.transcribe.protocols.openai_realtime import openai_realtime_route
from vori.transcribe.protocols.session import converse
from vori.transcribe.recogniser import Recogniser
from vori.transcribe.recordings import Opening, Recordings
from vori.transcribe.retranscribe import Retranscriber
from vori.transcribe.routes import transcript_routes
from vori.transcribe.store import CaptionStore
from vori.transcribe.upload import Uploads
from vori.worker import Worker, background, running

if TYPE_CHECKING:
    from vori.tickets.board import TicketBoard
    from vori.tickets.extract.claude import ClaudeExtractor

logger = log.get(__name__)

FINISHING_S = 20.0
"""How long another VORI has to finish what it records of a meeting that is ended here."""
CLOSING_S = 3.0
"""How long clients have to close their sockets after they were told to resume."""


def run(
    settings: Settings,
    announce: Callable[[str], None],
    invite: Callable[[str], None] = lambda _: None,
) -> None:
    """`vori serve`: returns when VORI has been told to stop, raises VoriError when it cannot.

    invite: told the one-time link for the first admin, when nobody can sign in yet.
    """
    import uvloop

    _check_dev(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, announce, invite))


async def _serve(
    settings: Settings, announce: Callable[[str], None], invite: Callable[[str], None]
) -> None:
    with open_home(settings.home_path), contextlib.closing(listen(settings)) as listening:
        async with _database(settings):
            await migrate()
            link = None
            if settings.server.dev:
                await ensure_dev()
            elif not await has_users():
                link = await make_link(
                    None, at=SystemClock().now(), hours=settings.signin.link_hours
                )
            vori = Vori(settings, SystemClock())
            sweeper = sweeper_of(settings, SystemClock())
            async with running(vori.workers), background(sweeper.run()):
                host, port = listening.getsockname()[:2]
                scheme = "https" if settings.server.tls_cert else "http"
                url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

                def listening_now() -> None:
                    announce(url)
                    if link is not None:
                        invite(url + link.path)

                server = Server(configure(vori.app(), settings), vori.drain, listening_now)
                vori.on_failure = server.stop
                # What is loaded by now stays. The garbage collector would look through it again and
                # again, 50 ms each time, in which no socket is served.
                gc.collect()
                gc.freeze()
                await server.serve(sockets=[listening])
            if vori.failure is not None:
                raise vori.failure


def sweeper_of(settings: Settings, clock: Clock) -> Sweeper:
    """Deletes by age: what groups and settings say."""
    return Sweeper(settings.home_path, clock, settings.retention, announce_updated)


class Vori:
    """The chosen workers of one process, joined."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.failure: VoriError | None = None
        self.on_failure: Callable[[], None] = lambda: None
        self._draining = False
        self._road = self._build_road()
        self._retranscriber: Retranscriber
        self._uploads: Uploads
        self._captions = CaptionStore(self._admit, clock, home=home_id(settings.home_path))
        self._recordings = self._build_recordings()
        self._events = self._build_events()
        # A worker is plugged in by one line here; started in this order, stopped in reverse.
        # Every process has the road: parts hear by it whatever others run elsewhere.
        parts: dict[str, Callable[[], Worker]] = {
            "streams": lambda: self._road,
            "tickets": self._build_reader,
            "transcribe": lambda: self._recordings,
            "analytics": self._build_analytics,
        }
        chosen = {"streams", *settings.server.workers}
        self.workers = [build() for name, build in parts.items() if name in chosen]

    def _hosts(self, worker: WorkerName) -> bool:
        return worker in self.settings.server.workers

    def _build_road(self) -> Road:
        settings = self.settings
        if not settings.kafka.bootstrap:
            return Road()
        from vori.streams.kafka import Kafka

        received = [topics.AUDIO.name] if settings.kafka.audio_group_id else []
        kafka = Kafka(settings.kafka, settings.home_path, more_topics=received)
        road = Road(kafka)
        if self._hosts("streams"):
            road.attach(kafka.sink)
        return road

    def _build_analytics(self) -> Worker:
        from vori.analytics.submit import Analytics

        settings = self.settings
        return Analytics(settings.spark, settings.kafka, settings.home_path)

    async def _admit(self, opening: Opening, principal: Principal) -> sound.Admission:
        # Whoever resumes was cut off by the meeting's end; whoever begins talks on after it.
        return await sound.admit(
            opening.meeting_id,
            opening.group_id,
            principal,
            clock=self.clock,
            reopens=opening.resume_seq is None,
        )

    def _build_recordings(self) -> Recordings:
        from vori.transcribe.ear import Ear
        from vori.transcribe.live import Progress
        from vori.transcribe.voice import VoiceGate

        settings, silero = self.settings, None

        def new_gate(start_ms: int) -> VoiceGate:
            nonlocal silero
            if silero is None:
                from vori.transcribe.silero import Silero

                silero = Silero()
            return VoiceGate(
                silero.new_room(),
                silence_ms=settings.speech.silence_ms,
                max_utterance_ms=int(settings.speech.max_utterance_s * 1000),
                start_ms=start_ms,
            )

        def open_ear(progress: Progress) -> Ear:
            return Ear(new_gate, settled_ms=progress.settled_ms)

        self._retranscriber = Retranscriber(
            settings.home_path,
            open_ear,
            lambda model: open_pool(with_model(settings, model)),
            self.clock,
            models=settings.speech.more_models,
            home_id=home_id(settings.home_path),
        )
        self._uploads = Uploads(
            settings.home_path,
            lambda meeting_id, group_id, principal: sound.admit(
                meeting_id, group_id, principal, clock=self.clock
            ),
            self._retranscriber.wake,
            self.clock,
            settings.audio,
            home_id=home_id(settings.home_path),
        )
        self._uploads.takes_sound = self._hosts("transcribe")
        recordings = Recordings(
            self._captions,
            lambda: open_pool(settings),
            open_ear,
            settings.home_path,
            audio=settings.audio,
            speech=settings.speech,
            drain_s=settings.server.drain_s,
            on_failure=self._fail,
            beside=self._retranscriber.work,
        )

        async def ticket_changed(event: TicketCreated | TicketUpdated) -> None:
            if event.meeting_id is not None:
                kind = "created" if isinstance(event, TicketCreated) else "updated"
                payload = {"event": f"ticket.{kind}", **msgspec.to_builtins(event)}
                recordings.tell(event.meeting_id, Board(payload=payload))

        async def proposal_changed(event: ProposalCreated | ProposalDecided) -> None:
            kind = "created" if isinstance(event, ProposalCreated) else "decided"
            payload = {"event": f"proposal.{kind}", **msgspec.to_builtins(event)}
            recordings.tell(event.meeting_id, Board(payload=payload))

        async def meeting_ends(wanted: topics.FinishRecordings) -> None:
            await recordings.finish_meeting(wanted.meeting_id)

        recordings.takes_sound = self._hosts("transcribe")
        if recordings.takes_sound:
            changed = [topics.TICKET_CREATED, topics.TICKET_UPDATED]
            self._road.listen("sockets", changed, ticket_changed)
            proposed = [topics.PROPOSAL_CREATED, topics.PROPOSAL_DECIDED]
            self._road.listen("sockets.proposals", proposed, proposal_changed)
            self._road.on_request(topics.FINISH_RECORDINGS, meeting_ends)
            if settings.kafka.bootstrap and settings.kafka.audio_group_id:
                stream = AudioStream(recordings, GroupId(settings.kafka.audio_group_id))
                self._road.receive("audio", [topics.AUDIO], stream.take)
        return recordings

    def _build_events(self) -> Events:
        events = Events()
        told = [
            topics.MEETING_CREATED,
            topics.MEETING_UPDATED,
            topics.MEETING_SUMMARY,
            topics.TICKET_CREATED,
            topics.TICKET_UPDATED,
            topics.PROPOSAL_CREATED,
            topics.PROPOSAL_DECIDED,
            topics.TRANSCRIPTION_COMPLETED,
            topics.TRANSCRIPTION_JOB,
            topics.TICKET_METRICS,
            topics.PRODUCTIVITY,
            topics.GROUP_TRENDS,
            topics.INSIGHTS,
        ]

        async def minutes_counted(counted: MinutesCounted) -> None:
            for changed in counted.changed:
                await events.tell(changed)

        if self._hosts("web"):
            self._road.listen("pages", told, events.tell)
            self._road.on_request(topics.MINUTES_COUNTED, minutes_counted)
        return events

    @cached_property
    def _board(self) -> TicketBoard:
        from vori.tickets.board import TicketBoard
        from vori.tickets.notes import HostedNotes
        from vori.tickets.usage import Ledger

        settings = self.settings
        if not (settings.claude.minutes and is_hosted(settings)):
            return TicketBoard(self.clock)
        notetaker = claude_extractor(settings)
        return TicketBoard(self.clock, HostedNotes(notetaker, Ledger(self.clock, settings.claude)))

    @cached_property
    def _reader(self) -> TicketReader:
        """Reads meetings: the worker `tickets`, and elsewhere only what is asked for."""
        from vori.tickets.extract.local import LocalExtractor
        from vori.tickets.live import LiveReading
        from vori.tickets.usage import Ledger, WithinBudget

        local = LocalExtractor()
        return TicketReader(
            self._board,
            local,
            WithinBudget.unless_local(
                full_extractor(self.settings, local),
                local,
                Ledger(self.clock, self.settings.claude),
            ),
            sound.fallen_silent,
            self.end_meeting,
            settings=self.settings.tickets,
            clock=self.clock,
            listen=LiveReading,
        )

    def _build_reader(self) -> TicketReader:
        from vori.tickets.live import Spoken

        reader = self._reader

        async def captions_came(caption: Caption) -> None:
            spoken = None
            if not caption.replaces:
                spoken = Spoken(
                    caption_id=caption.caption_id,
                    text=caption.text,
                    start_ms=caption.meeting_start_ms,
                    end_ms=caption.meeting_start_ms + caption.end_ms - caption.start_ms,
                    speaker=caption.speaker_id,
                )
            await reader.captions_came(caption.meeting_id, spoken)

        async def meeting_changed(event: MeetingUpdated) -> None:
            if event.status is MeetingStatus.ENDED and {"status", "transcript"} & {*event.changed}:
                await reader.meeting_ended(event.meeting_id)
            elif "transcript" in event.changed:
                await reader.captions_came(event.meeting_id)

        # Durable, so that of several processes with tickets one reads a meeting.
        self._road.subscribe("tickets.live", [topics.TRANSCRIPTION_COMPLETED], captions_came)
        self._road.subscribe("tickets.end", [topics.MEETING_UPDATED], meeting_changed, batch_rows=8)
        return reader

    def _fail(self, error: VoriError) -> None:
        self.failure = error
        self.on_failure()

    async def end_meeting(self, meeting_id: MeetingId) -> None:
        await sound.end(
            meeting_id,
            clock=self.clock,
            finish_recordings=self._finish_recordings,
        )

    async def _finish_recordings(self, meeting_id: MeetingId) -> None:
        """Here, and wherever else the meeting is recorded; one that is gone is not waited for."""
        await self._recordings.finish_meeting(meeting_id)
        if not await self._captions.is_recorded_elsewhere(meeting_id):
            return
        wanted = topics.FinishRecordings(event_id=EventId(uuid7()), meeting_id=meeting_id)
        async with transaction():
            await publish(wanted)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISHING_S):
                while await self._captions.is_recorded_elsewhere(meeting_id):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)

    async def audio_file(self, meeting_id: MeetingId, audio_id: AudioId | None) -> Path:
        """A recording as a WAV file."""
        return await self._recordings.wav(meeting_id, audio_id)

    async def delete_sound(self, meeting_id: MeetingId) -> None:
        await self._recordings.delete_sound(meeting_id)

    async def write_minutes(
        self, meeting_id: MeetingId, *, language: str | None, replace_edited: bool
    ) -> MinutesText:
        return await self._board.rewrite_minutes(
            meeting_id, language=language, replace_edited=replace_edited
        )

    async def drain(self) -> None:
        """Tell every client to resume, and wait a moment for the sockets to close."""
        self._draining = True
        self._recordings.begin_draining()
        async with asyncio.timeout(CLOSING_S):
            await self._recordings.until_left()

    def app(self) -> Litestar:
        """The web application."""
        dev = self.settings.server.dev
        return web.build(
            web.Parts(
                clock=self.clock,
                sign_in=SignIn(
                    clock=self.clock,
                    dev=dev,
                    rules=self.settings.signin,
                    oidc=OpenIdConnect(self.clock, self.settings.oidc)
                    if self.settings.oidc.issuer
                    else None,
                ),
                end_meeting=self.end_meeting,
                audio_file=self.audio_file,
                delete_sound=self.delete_sound,
                write_minutes=self.write_minutes,
                workers=self.workers,
                is_draining=lambda: self._draining,
                limits=self.settings.limits,
                cors_origins=self.settings.server.cors_origins,
                open_metrics=self.settings.server.open_metrics,
                remove_sound=sweeper_of(self.settings, self.clock).remove_sound,
            ),
            route_handlers=[
                self._meeting_socket(),
                *dead_letter_routes(self._road),
                events_socket(self._events),
                page_route(),
                system_route(self.settings),
                chunks_route(self._recordings),
                deepgram_route(self._recordings, self.settings.audio),
                openai_realtime_route(self._recordings, self.settings.audio),
                transcriptions_route(self._recordings, self.settings.audio),
                translations_route(self._recordings, self.settings.audio),
                *transcript_routes(self._retranscriber, self._uploads, self.settings.audio),
                self._tickets_difference(),
                reread_route(self._reader),
            ],
            with_api=self._hosts("web"),
            max_body_bytes=self.settings.server.max_body_bytes,
        )

    def _tickets_difference(self) -> Any:
        from vori.tickets.board import TicketBoard
        from vori.tickets.extract.local import LocalExtractor
        from vori.tickets.preview import tickets_difference_route
        from vori.transcribe.versions import as_if_applied

        return tickets_difference_route(TicketBoard(self.clock), LocalExtractor(), as_if_applied)

    def _meeting_socket(self) -> Any:
        recordings, limits = self._recordings, self.settings.audio

        @websocket("/ws/meeting/{meeting_id:str}")
        async def meeting_socket(
            socket: WebSocket[Any, Any, Any], meeting_id: FromPath[str]
        ) -> None:
            await converse(
                socket,
                MeetingDialect(meeting_id),
                recordings,
                lambda: principal_of(socket),
                limits,
            )

        return meeting_socket


def full_extractor(settings: Settings, local: Extractor) -> Extractor:
    """The engine that reads ended meetings: Claude when configured, with `local` behind it.

    Raises Unavailable when Claude is wanted and there is no key.
    """
    if not is_hosted(settings):
        return local
    from vori.tickets.extract.fallback import beside_local

    return beside_local(claude_extractor(settings), local, settings.claude.mode)


def is_hosted(settings: Settings) -> bool:
    """Whether Claude is to read: asked for, or there is a key and nothing else was asked for."""
    from vori.tickets.extract.claude import has_key

    engine = settings.tickets.engine
    return engine == "claude" or (engine == "auto" and has_key(settings.claude))


def claude_extractor(settings: Settings) -> ClaudeExtractor:
    from vori.tickets.extract.claude import ClaudeExtractor

    return ClaudeExtractor(settings.claude)


@contextlib.asynccontextmanager
async def open_pool(settings: Settings) -> AsyncIterator[Any]:
    """Load the speech model and run its workers."""
    from vori.transcribe.pool import RecogniserPool

    speech = settings.speech
    recogniser = await asyncio.to_thread(load_recogniser, settings)
    async with RecogniserPool(
        recogniser,
        workers=replicas_of(settings, recogniser),
        batch_size=speech.batch_size,
        queue_size=speech.queue_size,
        remake=lambda: load_recogniser(settings),
    ) as pool:
        gc.freeze()  # what the model brought along stays, too
        yield pool


def load_recogniser(settings: Settings) -> Recogniser:
    """Find and load the speech model; blocks. Raises Unavailable or BadMessage."""
    from vori.transcribe.models import resolve
    from vori.transcribe.whisper import Whisper

    speech = settings.speech
    device = speech.device if speech.device != "auto" else best_device()
    model = resolve(speech.model, device=device, home=settings.home_path, offline=speech.offline)
    if model.warning:
        logger.warning(model.warning, model=model.name)
    return Whisper(
        model,
        device=speech.device,
        compute_type=speech.compute_type,
        workers=speech.replicas,
        gpus=speech.gpus,
    )


def with_model(settings: Settings, model: str) -> Settings:
    """Another speech model, for background work: one worker, so that live rooms keep theirs."""
    speech = msgspec.structs.replace(settings.speech, model=model, replicas=1)
    return msgspec.structs.replace(settings, speech=speech)


def best_device() -> str:
    import ctranslate2

    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"


def replicas_of(settings: Settings, recogniser: Recogniser) -> int:
    """How many windows are decoded side by side."""
    if settings.speech.replicas:
        return settings.speech.replicas
    if recogniser.model.device == "cuda":
        return 2 * len(settings.speech.gpus)
    return os.cpu_count() or 1


@contextlib.asynccontextmanager
async def open_database(settings: Settings, *, migrated: bool = True) -> AsyncIterator[None]:
    """The database for a command, also while `vori serve` runs on the same home."""
    try:
        async with contextlib.AsyncExitStack() as stack:
            if settings.database.url is None:
                stack.enter_context(open_home(settings.home_path))
            await stack.enter_async_context(_database(settings))
            if migrated:
                await migrate()
            yield
            return
    except Conflict as exc:
        if exc.code != "home_in_use":
            raise
        url = _running_url(settings.home_path / "postgres")
    await DB.open(url, pool_size=2)
    try:
        yield
    finally:
        await DB.close()


async def restore_backup(settings: Settings, file: Path, *, force: bool) -> tuple[Manifest, Path]:
    """Make the home, and its database or that of the URL, of a backup; or leave all as it was.

    Gives what the backup holds, and the folder that was used to set things aside.
    """
    is_embedded = settings.database.url is None
    with open_home(settings.home_path) as home:
        restoring = await asyncio.to_thread(
            unpack, file, home.path, force=force, keeps_database=is_embedded
        )
        try:
            await asyncio.to_thread(restoring.clear)
            async with _database(settings):
                await restoring.load()
        except BaseException:
            await asyncio.to_thread(restoring.undo)
            raise
        await asyncio.to_thread(restoring.finish)
    return restoring.manifest, restoring.aside


@contextlib.asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[None]:
    """Open the pool: on the database of the URL, or on PostgreSQL in the box."""
    async with contextlib.AsyncExitStack() as stack:
        url = settings.database.url
        if url is None:
            from vori.data import embedded

            server = embedded.Embedded(settings.home_path / "postgres")
            await stack.enter_async_context(embedded.running(server))
            url = server.url
        try:
            await DB.open(url, pool_size=settings.database.pool_size)
        except Unavailable as exc:
            which = "database.url" if settings.database.url else "PostgreSQL in the box"
            raise Unavailable(f"{which}: {exc.message}", code=exc.code) from exc
        stack.push_async_callback(DB.close)
        yield


def _running_url(directory: Path) -> str:
    """Where the PostgreSQL in the box listens that another VORI runs."""
    try:
        lines = (directory / "postmaster.pid").read_text().splitlines()
        port, socket_dir = lines[3].strip(), lines[4].strip()
    except (OSError, IndexError) as exc:
        raise Unavailable(
            "Another VORI is using this home and its database is not up; try again in a moment.",
            code="database_away",
        ) from exc
    return f"postgresql://postgres@/postgres?host={quote(socket_dir, safe='')}&port={port}"


def _check_dev(settings: Settings) -> None:
    """Development mode lets anyone in, so it listens on this machine only."""
    host = settings.server.host
    if not settings.server.dev or host == "localhost":
        return
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise BadSetting(
            f"--dev signs everyone in, so it refuses server.host = {host!r}: use 127.0.0.1, or "
            "leave --dev out and make users and tokens.",
            setting="server.host",
        )
