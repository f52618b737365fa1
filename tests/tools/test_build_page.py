"""`make page` puts in place what its tests and checks want, and does nothing twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import build_page


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What npm was asked for, in a copy whose page is built, and whose packages are not there."""
    asked: list[tuple[str, ...]] = []
    (tmp_path / "package-lock.json").write_text("{}")
    monkeypatch.setattr(build_page, "WEB", tmp_path)
    monkeypatch.setattr(build_page, "INSTALLED", tmp_path / ".package-lock.json")
    monkeypatch.setattr(build_page, "is_stale", lambda: False)
    monkeypatch.setattr(build_page, "has_node", lambda: True)
    monkeypatch.setattr(build_page, "_npm", lambda *words: asked.append(words))
    return asked


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["build_page.py", *options])
    return build_page.main()


def test_make_page_installs_packages_that_are_missing_though_the_page_is_built(
    done: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch) == 0
    assert [words[0] for words in done] == ["install"]
    build_page.INSTALLED.touch()
    assert run(monkeypatch) == 0
    assert len(done) == 1


def test_who_only_uses_vori_needs_no_packages_once_the_page_is_built(
    done: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "--if-possible") == 0
    assert done == []
