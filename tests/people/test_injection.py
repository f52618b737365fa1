"""Text of others in headers, paths and file names does nothing but stand there."""

from __future__ import annotations

import pytest

from tests.web_site import Person, Site, make_recording

pytestmark = pytest.mark.postgres

BREAKS = 'x"\r\nSet-Cookie: a=b\r\n\r\n<script>'


async def test_names_of_files_and_headers_hold_nothing_that_people_wrote(
    site: Site, mina: Person
) -> None:
    await mina.patch("/api/users/me", json={"name": BREAKS})
    made = await mina.post("/api/meetings", json={"groupId": mina.group_id, "title": BREAKS})
    meeting_id = made.json()["meetingId"]
    for path, name in (
        *((f"/api/meetings/{meeting_id}/export?format={form}", f"meeting-{meeting_id}.{form}")
          for form in ("md", "json", "srt", "vtt", "csv", "ics")),
        ("/api/users/me/export", f"vori-user-{mina.user_id}.zip"),
    ):  # fmt: skip
        answer = await mina.get(path)
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert "set-cookie" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "html" not in answer.headers["content-type"]


async def test_no_path_leads_out_of_a_meeting_s_sound(site: Site, mina: Person) -> None:
    meeting = await mina.post("/api/meetings", json={"groupId": mina.group_id})
    meeting_id = meeting.json()["meetingId"]
    await make_recording(meeting_id, mina.group_id, audio_id="../../../etc/passwd")
    (site.folder.parent / "outside.wav").write_bytes(b"RIFF secret")
    for audio_id in ("../outside", "..%2Foutside", "%2e%2e/outside", "/etc/passwd", "..\\outside"):
        answer = await mina.get(f"/api/meetings/{meeting_id}/audio?audioId={audio_id}")
        assert answer.status_code in (400, 404), audio_id
        assert "secret" not in answer.text
    for path in ("/api/meetings/..%2f..%2fetc/audio", "/api/meetings/1e3/audio",
                 "/api/meetings/%2e%2e/audio", f"/api/meetings/{meeting_id}%00/audio"):  # fmt: skip
        assert (await mina.get(path)).status_code in (400, 404), path


async def test_an_id_of_a_request_that_is_none_is_not_given_back(mina: Person) -> None:
    for sent in ("a b", "x\tSet-Cookie:a=b", "<script>", "x" * 65, "a;b", "\x1b[31m"):
        answer = await mina.get("/api/users/me", headers={"X-Request-ID": sent})
        assert answer.headers["x-request-id"] != sent
        assert answer.headers["x-request-id"].isalnum()


async def test_where_to_go_after_signing_in_stays_here() -> None:
    from vori.people.oidc import local_path

    for there in ("//evil.example", "/\\evil.example", "https://evil.example", "/a\\b", "/a\r\nb",
                  "javascript:alert(1)", "", "/" + "x" * 600, "/\x00", "/\u2028"):  # fmt: skip
        assert local_path(there) == "/", there
    assert local_path("/meetings/7?tab=minutes") == "/meetings/7?tab=minutes"
