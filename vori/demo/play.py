"""`vori demo`: a real server, a real client, the bundled meeting."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from vori.client import MeetingClient, Message, paced
from vori.errors import Unavailable

SOUND = Path(__file__).parent / "meeting.ogg"
TRUTH = Path(__file__).parent / "truth.json"
GROUP = 1
START_S = 60.0


async def play(*, speed: float, model: str, as_json: bool) -> None:
    """Stream the meeting at its own pace times `speed` and show what VORI makes of it.

    Raises Unavailable when the server does not start.
    """
    truth = msgspec.json.decode(TRUTH.read_bytes())
    console = Console(quiet=as_json, highlight=False)
    with tempfile.TemporaryDirectory(prefix="vori-demo-") as home:
        console.print("[dim]starting VORI …[/]")
        async with server(Path(home), model) as url:
            result = await _play(Api(url), url, truth, console, speed)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    else:
        _show_end(console, result)


async def _play(
    api: Api, url: str, truth: dict[str, Any], console: Console, speed: float
) -> dict[str, Any]:
    health = await api.get("/health", accept_errors=True)
    message = health["workers"]["transcribe"]["message"]
    console.print(
        f"[bold]VORI listens on {url}[/]" + (f"  [yellow]{message}[/]" if message else "")
    )
    people = {}
    for member in truth["members"]:
        email = re.sub(r"\W+", ".", member["name"].lower()) + "@demo.invalid"
        made = await api.post(
            f"/api/groups/{GROUP}/members", {"email": email, "name": member["name"]}
        )
        people[member["userId"]] = made["userId"]
    before = {}
    for known in truth["existingTickets"]:
        made = await api.post(
            "/api/tickets",
            {
                "groupId": GROUP,
                "title": known["title"],
                "content": known.get("content", ""),
                "status": known["status"],
                "assigneeId": people.get(known.get("assigneeId")),
            },
        )
        before[made["ticketId"]] = known["ticketId"]
    meeting = await api.post("/api/meetings", {"groupId": GROUP, "title": "Stand-up"})
    meeting_id = meeting["meetingId"]
    _show_board(console, "The board before", await api.get(f"/api/tickets?groupId={GROUP}"))
    console.print("\n[bold]The meeting[/] [dim](tickets appear as they are spoken)[/]")

    screen = Screen(console)
    client = MeetingClient(
        url.replace("http", "ws", 1),
        meeting_id,
        {"audioId": f"demo-{time.time_ns()}", "groupId": GROUP, "partials": True},
        on_message=screen.show,
    )
    await client.stream(paced(SOUND.read_bytes(), truth["durationS"], speed=speed))
    screen.close()
    await api.post(f"/api/meetings/{meeting_id}/end?wait=60", None)
    tickets = await api.get(f"/api/tickets?groupId={GROUP}")
    minutes = await api.get(f"/api/meetings/{meeting_id}/minutes")
    return {
        "captions": screen.captions,
        "tickets": tickets["items"],
        "before": before,
        "people": {name: number for number, name in people.items()},
        "minutes": minutes["markdown"],
    }


@contextlib.asynccontextmanager
async def server(
    home: Path,
    model: str,
    *,
    program: Sequence[str] = ("-m", "vori"),
    variables: Mapping[str, str] | None = None,
) -> AsyncIterator[str]:
    """`vori serve --dev` as its own process on a free port; its address.

    program: what Python runs in place of VORI. variables: of its environment, besides ours.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("VORI_")}
    environ.pop("ANTHROPIC_API_KEY", None)  # the demo works offline, whatever is set
    environ["VORI_SPARK__ENABLED"] = "off"  # it is over before Spark would have begun
    with (home / "log").open("wb") as log_file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *program, "--home", str(home / "vori"), "serve", "--dev"),
            *("--port", "0", "--model", model),
            stdout=asyncio.subprocess.PIPE,
            stderr=log_file,
            env=environ | dict(variables or {}),
            cwd=home,
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                line = (await process.stdout.readline()).decode()
        except TimeoutError:
            line = ""
        found = re.search(r"http://\S+", line)
        if found is None:
            raise Unavailable(
                f"The server did not start:\n{(home / 'log').read_text()[-2000:]}",
                code="server_failed",
            )
        await _until_ready(Api(found[0]))
        yield found[0]
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


async def _until_ready(api: Api) -> None:
    """The model is loaded beside the server's start."""
    deadline = time.monotonic() + START_S
    while True:
        health = await api.get("/health/ready", accept_errors=True)
        if health["status"] != "down":
            return
        if time.monotonic() > deadline:
            raise Unavailable(f"The server does not get ready: {health}", code="server_failed")
        await asyncio.sleep(0.1)


class Api:
    """A few requests as JSON."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def get(self, path: str, *, accept_errors: bool = False) -> Any:
        return await asyncio.to_thread(self._ask, "GET", path, None, accept_errors)

    async def post(self, path: str, body: Any) -> Any:
        return await asyncio.to_thread(self._ask, "POST", path, body, False)

    def _ask(self, method: str, path: str, body: Any, accept_errors: bool) -> Any:
        request = urllib.request.Request(  # noqa: S310 - always our own http address
            self._url + path,
            method=method,
            data=None if body is None else msgspec.json.encode(body),
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:  # noqa: S310
                return msgspec.json.decode(answer.read())
        except urllib.error.HTTPError as exc:
            text = exc.read()
            if accept_errors:
                return msgspec.json.decode(text)
            raise Unavailable(
                f"{method} {path}: {text.decode()[:500]}", code="server_failed"
            ) from exc


class Screen:
    """Captions and tickets as they come; the open utterance in grey below them."""

    def __init__(self, console: Console) -> None:
        self.captions: list[Message] = []
        self._console = console
        self._status = console.status("")
        if console.is_terminal and not console.quiet:
            self._status.start()

    def show(self, message: Message) -> None:
        match message["type"]:
            case "caption" if message["final"]:
                self.captions.append(message)
                self._status.update("")
                self._console.print(f"[dim]{clock(message['startMs'])}[/]  {message['text']}")
            case "caption":
                self._status.update(f"[dim]{message['text']}[/]")
            case "ticket":
                self._console.print(_ticket_line(message))
            case "warning" | "error":
                self._console.print(f"[yellow]{message['message']}[/]")

    def close(self) -> None:
        self._status.stop()


def _ticket_line(message: Message) -> str:
    ticket = message["ticket"]
    if message["event"] == "ticket.created":
        what = f"[green]+ {ticket['ticketId']}[/] {ticket['title']} [dim]{ticket['status']}[/]"
    else:
        changed = ", ".join(message["changed"])
        what = (
            f"[cyan]→ {ticket['ticketId']}[/] {ticket['title']} [dim]{changed}:[/] "
            f"{ticket['status']}"
        )
    who = f" [magenta]@{ticket['assignee']}[/]" if ticket.get("assignee") else ""
    due = f" [yellow]due {ticket['due']}[/]" if ticket.get("due") else ""
    return f"       {what}{who}{due}"


def _show_board(console: Console, title: str, tickets: dict[str, Any]) -> None:
    table = Table(title=title, title_justify="left", show_lines=False)
    for column in ("Ticket", "Status", "Title", "Assignee", "Due"):
        table.add_column(column)
    for ticket in sorted(tickets["items"], key=lambda t: int(t["ticketId"][2:])):
        table.add_row(
            ticket["ticketId"],
            ticket["status"],
            ticket["title"],
            ticket.get("assignee") or "",
            ticket.get("due") or "",
        )
    console.print(table)


def _show_end(console: Console, result: dict[str, Any]) -> None:
    console.print()
    _show_board(console, "The board after", {"items": result["tickets"]})
    console.print()
    console.print(Markdown(result["minutes"]))
    console.print("\n[dim]Your own meeting: make run, then see README.md.[/]")


def word_error_rate(truth_file: Path, said: str) -> float:
    """Words wrong, missing or too many, per word of the true text; case and marks do not count."""
    truth = msgspec.json.decode(truth_file.read_bytes())
    true = _words(" ".join(segment["text"] for segment in truth["segments"]))
    heard = _words(said)
    row = list(range(len(heard) + 1))
    for i, word in enumerate(true, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            same = diagonal + (word != other)
            diagonal = row[j]
            row[j] = min(same, row[j] + 1, row[j - 1] + 1)
    return row[-1] / max(1, len(true))


def _words(text: str) -> list[str]:
    return re.sub(r"[^\w' ]+", " ", text.lower()).split()


def clock(millis: int) -> str:
    return f"{millis // 60_000:02}:{millis // 1000 % 60:02}"
