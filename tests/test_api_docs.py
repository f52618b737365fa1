import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_code_that_the_api_answers_with_is_documented() -> None:
    files = [ROOT / "vori" / "api.py", ROOT / "vori" / "web.py"]
    for folder in ("people", "meetings", "tickets"):
        files += [
            path
            for path in (ROOT / "vori" / folder).glob("*.py")
            if path.name not in ("case.py", "sound.py")  # the command's, and the WebSocket's
        ]
    codes = {
        code
        for path in files
        for code in re.findall(r'\bcode="([a-z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert len(codes) >= 20
    assert {code for code in codes if f"`{code}`" not in DOCS} == set()


def test_every_route_of_a_meeting_s_parts_is_documented() -> None:
    source = (ROOT / "vori" / "meetings" / "routes.py").read_text(encoding="utf-8")
    parts = set(re.findall(r"/\{meeting_id:int\}/(\w+)", source))
    assert parts >= {"end", "audio", "minutes"}
    assert {part for part in parts if f"/{part}" not in DOCS} == set()


def test_every_code_that_sound_is_refused_with_is_documented() -> None:
    protocol = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    files = ["container.py", "webm.py", "ogg.py", "pcm.py", "store.py", "live.py"]
    files += ["protocols/meeting.py", "protocols/session.py"]
    codes = {
        code
        for name in files
        for code in re.findall(
            r'\bcode="([a-z_]+)"', (ROOT / "vori" / "transcribe" / name).read_text("utf-8")
        )
    }
    assert len(codes) >= 15
    assert {code for code in codes if f"`{code}`" not in protocol} == set()
