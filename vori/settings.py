"""Every setting, read once at start: defaults here, then TOML files, then `VORI_…` variables.

`VORI_SPEECH__MODEL=small` sets `model` of `[speech]`. Later sources win. A name nobody knows
or a value of the wrong kind is refused, with the nearest right name. `config/default.toml`
shows the whole tree with units; a test keeps it equal to this file.
"""

from __future__ import annotations

import difflib
import os
import tomllib
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from vori.errors import VoriError

WorkerName = Literal["web", "transcribe", "tickets", "streams", "analytics"]
WORKERS: tuple[WorkerName, ...] = typing.get_args(WorkerName)

Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Price = Annotated[float, Meta(ge=0)] | None


class BadSetting(VoriError):
    """A setting is unknown or has a wrong value."""

    code = "bad_setting"


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of the tree."""


class Server(Part, frozen=True):
    host: str = "127.0.0.1"
    port: Port = 8700
    """0 takes a free port, printed at start."""
    workers: tuple[WorkerName, ...] = WORKERS
    dev: bool = False
    """Sign everyone in as the admin of group 1; loopback addresses only."""
    drain_s: Positive = 10.0
    """How long captions in flight may take to finish when VORI is told to stop."""
    max_body_bytes: Count = 16 * 1024 * 1024
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-For and -Proto count: the proxy in front."""
    cors_origins: tuple[str, ...] = ()
    """Other sites whose pages may use the API with a token; never with a cookie."""
    tls_cert: str | None = None
    """A file with the certificate chain (PEM): VORI speaks TLS itself."""
    tls_key: str | None = None
    open_metrics: bool = False
    """Let whoever reaches the port read /metrics; else it needs an administrator's token."""


class Log(Part, frozen=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"
    """auto: console on a terminal, else JSON lines."""


class Database(Part, frozen=True):
    url: str | None = None
    """postgresql://user:password@host:port/name; none runs PostgreSQL inside VORI's home."""
    pool_size: Count = 10


class SignIn(Part, frozen=True):
    """How people sign in. A client's secret of OpenID Connect is never a setting."""

    password: bool = True
    """Local accounts; without them only OpenID Connect and tokens sign in."""
    min_password: Annotated[int, Meta(ge=8, le=128)] = 10
    """Characters of a new password."""
    session_days: Positive = 30.0
    """A browser is signed out after so long."""
    session_idle_days: Positive = 7.0
    """A browser that has not been used for so long is signed out."""
    link_hours: Positive = 24.0
    """How long a one-time link to set a password works."""


class Oidc(Part, frozen=True):
    """A provider of identities (OpenID Connect). Its client's secret comes from a file, or from
    VORI_OIDC_CLIENT_SECRET.
    """

    issuer: str | None = None
    """`https://accounts.google.com`; none: only local accounts and tokens."""
    client_id: str | None = None
    """With it the page offers to sign in there."""
    client_secret_file: str | None = None
    audience: tuple[str, ...] = ()
    """Further clients whose ID tokens count as bearer tokens."""
    scope: str = "openid email profile"
    label: str = ""
    """What the page's button says; empty: the issuer's host."""
    create_users: bool = False
    """Let in everybody the provider knows, not only addresses that somebody has added."""
    domains: tuple[str, ...] = ()
    """Only addresses of these domains; empty: of any."""
    networks: tuple[str, ...] = ()
    """Networks of your own in which the provider is, such as 10.0.0.0/8; others must be public."""


class Retention(Part, frozen=True):
    """What is deleted by age. Sound and words: each group says how long (`keepSoundDays`,
    `keepWordsDays`).
    """

    audit_days: Annotated[int, Meta(ge=0)] = 400
    """How long the audit log tells who did what; 0: for ever."""
    sweep_s: Positive = 3_600.0
    """Between two looks for what is due."""


class Limits(Part, frozen=True):
    """What one user, one address and all together may take of this process."""

    requests_per_s: Positive = 200.0
    """Of one user over HTTP, in the long run."""
    request_burst: Count = 600
    stranger_requests_per_s: Positive = 5.0
    """Of one address over HTTP that nobody signed."""
    stranger_burst: Count = 100
    sockets: Count = 2_000
    sockets_per_user: Count = 200
    sockets_per_address: Count = 500
    """Behind a proxy all come from one address, unless server.trusted_proxies names it."""


class Audio(Part, frozen=True):
    """Limits of sound that comes in."""

    max_frame_bytes: Count = 1024 * 1024
    max_text_bytes: Count = 256 * 1024
    first_message_s: Positive = 10.0
    max_file_bytes: Count = 512 * 1024 * 1024
    """Largest sound file sent over HTTP: about 4 hours of 16 kHz WAV."""
    idle_s: Positive = 60.0
    """A socket without a message for so long is closed with 4408."""
    resume_s: Positive = 120.0
    """How long a recording waits for its client to come back before it is finished."""
    sync_ms: Count = 500
    """Longest time between two durable acknowledgements."""
    max_ahead_s: Positive = 30.0
    """A client so far ahead of the decoder is not read from until it catches up."""
    max_recordings: Count = 64
    """Recordings open at once; more are closed with 1013."""
    max_messages_per_s: Positive = 500.0
    """Of one socket, in the long run; one that sends more is read more slowly."""


class Speech(Part, frozen=True):
    """The recogniser."""

    model: str = "auto"
    """auto, demo, a size (small, large-v3-turbo …), a directory, or a hub repository."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str = "auto"
    replicas: Annotated[int, Meta(ge=0)] = 0
    """Workers that decode; 0 takes one per core on CPU and two per device on CUDA."""
    batch_size: Count = 16
    """Windows decoded in one call, at most: live ones are so few that a call takes about 0.35 s."""
    queue_size: Count = 64
    language: Literal["auto", "ko", "en"] = "auto"
    partial_ms: Count = 500
    """Time between two partials of one recording …"""
    partial_max_ms: Count = 3_000
    """… which grows up to this while more rooms speak than the recogniser can serve at once."""
    gpus: tuple[int, ...] = (0,)
    """CUDA devices that share the rooms."""
    silence_ms: Count = 500
    """Silence that ends an utterance."""
    foresee_end: bool = True
    """Find its final words 200 ms into that silence already, to have them when it is over."""
    max_utterance_s: Annotated[float, Meta(gt=1, le=28)] = 28.0
    offline: bool = False
    """Never ask the model hub."""
    more_models: tuple[str, ...] = ()
    """Models that recordings may be put into words with again, besides `model`; administrators may
    name any."""


class Tickets(Part, frozen=True):
    engine: Literal["auto", "local", "claude"] = "auto"
    """auto: Claude when ANTHROPIC_API_KEY is set, else the local engine."""
    live: bool = True
    """Read tickets while the meeting runs, not only at its end."""
    live_interval_s: Positive = 1.0
    """Shortest time between two readings of one meeting."""
    end_after_s: Positive = 120.0
    """A meeting whose recordings have all been gone for so long is ended."""
    end_after_silence_s: Positive = 3600.0
    """A meeting in which nobody has said a word for so long is ended, microphones or not."""


class Claude(Part, frozen=True):
    """The ticket engine by Anthropic's API. The key itself is never a setting."""

    model: str = ""
    """Empty takes the newest balanced model the SDK knows."""
    mode: Literal["full", "selective"] = "full"
    """full: Claude reads every meeting; selective: only passages the local engine is unsure of."""
    minutes: bool = True
    """Claude also writes the prose of minutes: summary, decisions, open questions."""
    effort: Literal["low", "medium", "high"] | None = None
    """How hard the model thinks; none leaves it to the model."""
    api_key_file: str | None = None
    """A file that holds the key, where ANTHROPIC_API_KEY is not set."""
    base_url: str | None = None
    timeout_s: Positive = 180.0
    """Of one try of one request."""
    meeting_timeout_s: Positive = 900.0
    """Of everything asked about one meeting, waits between tries included."""
    max_retries: Annotated[int, Meta(ge=0, le=10)] = 3
    max_tokens: Count = 16_000
    """Longest answer, thinking included."""
    part_tokens: Annotated[int, Meta(ge=1_000)] = 24_000
    """Captions read in one request; longer meetings are read in parts."""
    max_concurrent: Count = 4
    """Requests under way at once."""
    input_price: Price = None
    """Of a million tokens, in your currency; none: what a meeting cost is unknown."""
    output_price: Price = None
    cache_read_price: Price = None
    cache_write_price: Price = None


class Kafka(Part, frozen=True):
    """Carries VORI's events beyond this process; see docs/kafka.md."""

    bootstrap: tuple[str, ...] = ()
    """`host:port` of some brokers; none: events go from the database straight to their readers."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_user: str = ""
    sasl_password: str = ""
    """From the environment only: `VORI_KAFKA__SASL_PASSWORD`."""
    sasl_password_file: str | None = None
    """A file that holds the password instead."""
    ca_file: str | None = None
    """Certificates (PEM) that sign the brokers'; none: this machine's."""
    client_id: str = "vori"
    group_prefix: str = "vori."
    """Before the names of consumer groups."""
    topic_prefix: str = ""
    """Before the names of topics, where several VORIs share a cluster."""
    partitions: Count = 5
    """Of topics that VORI makes; the order of a key needs that it stays."""
    replication: Count = 1
    """Copies of topics that VORI makes."""
    retention_days: Positive = 7.0
    """How long topics that VORI makes keep their messages."""
    session_timeout_s: Positive = 10.0
    """A process that is silent for so long loses its partitions to the others."""
    send_timeout_s: Positive = 20.0
    """A batch not acknowledged for so long is sent again, over a new connection."""
    group_topics: bool = False
    """Send each group's weeks on analytics.trends.group.{groupId}, too."""
    audio_group_id: Annotated[int, Meta(ge=1)] | None = None
    """Sound on the topic voriAudioStream is recorded as meetings of this group; none: not read."""


class Spark(Part, frozen=True):
    """The analytics job; see docs/analytics.md."""

    enabled: Literal["auto", "on", "off"] = "auto"
    """auto: where there is Java; on: without Java, /health says so as trouble."""
    master: str = "local[*]"
    """`spark://host:7077`: the job is the driver of a cluster whose workers have VORI, too."""
    memory: Annotated[str, Meta(pattern=r"^[0-9]+[mg]$")] = "512m"
    """The driver's heap; with a local master, all that counts."""
    source: Literal["auto", "outbox", "kafka"] = "auto"
    """Where events are read; auto: from Kafka when kafka.bootstrap names one."""
    trigger_s: Positive = 2.0
    """Shortest time between two batches."""
    start_after_s: Positive = 30.0
    """Spark is started when events have been waiting for so long."""
    idle_stop_s: Annotated[float, Meta(ge=0)] = 900.0
    """Spark is ended when there was nothing to count for so long; 0: never."""
    weeks_every_s: Annotated[float, Meta(ge=0)] = 600.0
    """Between two counts of words, weeks and insights; 0: they are not counted."""
    keep_days: Count = 400
    """How long the minutes of meetings are kept; weeks stay."""
    checkpoint: str | None = None
    """Where the job remembers how far it is; none: in VORI's home."""
    packages: tuple[str, ...] = ()
    """Maven coordinates that Spark fetches; with Kafka, empty stands for its connector."""
    jars: tuple[str, ...] = ()
    """Jars, or folders of them, instead: nothing is fetched."""
    java_home: str | None = None
    """none: JAVA_HOME, or the `java` on the PATH."""


class Settings(Part, frozen=True):
    home: str = "~/.vori"
    """Where VORI keeps its database, sound and models; `VORI_HOME`."""
    server: Server = field(default_factory=Server)
    log: Log = field(default_factory=Log)
    database: Database = field(default_factory=Database)
    signin: SignIn = field(default_factory=SignIn)
    oidc: Oidc = field(default_factory=Oidc)
    retention: Retention = field(default_factory=Retention)
    limits: Limits = field(default_factory=Limits)
    audio: Audio = field(default_factory=Audio)
    speech: Speech = field(default_factory=Speech)
    tickets: Tickets = field(default_factory=Tickets)
    claude: Claude = field(default_factory=Claude)
    kafka: Kafka = field(default_factory=Kafka)
    spark: Spark = field(default_factory=Spark)

    @property
    def home_path(self) -> Path:
        return Path(self.home).expanduser().absolute()


def load(
    files: Sequence[Path] = (),
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the tree: `files` in order, then `environ`, then `overrides` (`{"server.port": 0}`).

    Raises BadSetting that names the file or variable, the setting, and the nearest right name.
    """
    tree: dict[str, Any] = {}
    for path in files:
        for name, value in _leaves(_read(path)):
            _put(tree, name, value, where=str(path))
    for variable, text in sorted((os.environ if environ is None else environ).items()):
        if variable.startswith("VORI_") and not variable.startswith(_NOT_SETTINGS):
            name = variable.removeprefix("VORI_").lower().replace("__", ".")
            _put(tree, name, text, where=variable)
    for name, value in (overrides or {}).items():
        _put(tree, name, value, where="the command line")
    return msgspec.convert(tree, Settings)


_NOT_SETTINGS = ("VORI_CONFIG", "VORI_OIDC_CLIENT_SECRET", "VORI_TEST_", "VORI_DEMO_MODEL_")
"""Variables that tests, the model's recipe and the command line read themselves."""


def names(struct: type[Struct] = Settings, prefix: str = "") -> dict[str, Any]:
    """Every setting's dotted name and its type, in the order of the tree."""
    found: dict[str, Any] = {}
    hints = typing.get_type_hints(struct, include_extras=True)
    for part in msgspec.structs.fields(struct):
        kind = hints[part.name]
        if isinstance(kind, type) and issubclass(kind, Part):
            found |= names(kind, f"{prefix}{part.name}.")
        else:
            found[prefix + part.name] = kind
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise BadSetting(f"{path}: cannot be read ({exc.strerror})") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadSetting(f"{path}: not TOML: {exc}") from exc


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            found += _leaves(value, f"{prefix}{name}.")
        else:
            found.append((prefix + name, value))
    return found


def _put(tree: dict[str, Any], name: str, value: Any, *, where: str) -> None:
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise BadSetting(f"{where}: there is no setting {name!r}{hint}", setting=name)
    section, _, leaf = name.rpartition(".")
    target = tree.setdefault(section, {}) if section else tree
    target[leaf] = _convert(value, known[name], name, where)


T = TypeVar("T")


def _convert(value: Any, kind: type[T], name: str, where: str) -> T:
    if isinstance(value, str) and typing.get_origin(kind) is tuple:
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as exc:
        choices = [str(c) for part in (kind, *typing.get_args(kind)) for c in _choices(part)]
        hint = f"; choose from {', '.join(choices)}" if choices else ""
        raise BadSetting(f"{where}: {name} = {value!r}: {exc}{hint}", setting=name) from exc


def _choices(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
