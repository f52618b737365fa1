"""What VORI is built of is looked at, and what could not be looked at is said."""

from __future__ import annotations

import importlib.metadata
import json

from tools import audit

LOCK = """\
one==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via two
two-words==2.0 ; sys_platform == 'linux' \\
    --hash=sha256:cc
two_words==1.9 ; sys_platform != 'linux' \\
    --hash=sha256:dd
three==3.0
"""


def test_the_lock_of_this_checkout_is_whole_and_its_licences_are_known() -> None:
    lock = audit.locked(audit.LOCK.read_text(encoding="utf-8"))
    assert len(lock) > 100
    assert audit.wrong_with_lock(lock) == []
    here = {audit.plain(one.name): one for one in importlib.metadata.distributions()}
    licences = {name: audit.licence_of(one.metadata) for name, one in here.items() if name in lock}
    assert audit.wrong_with_licences(licences) == []


def test_a_package_without_hash_or_of_another_version_is_told() -> None:
    lock = audit.locked(LOCK)
    assert lock == {"one": {"1.0": 2}, "two-words": {"2.0": 1, "1.9": 1}, "three": {"3.0": 0}}
    assert audit.wrong_with_lock(lock) == ["three 3.0 has no hash"]
    installed = {"one": "1.0", "two-words": "1.9", "besides": "9"}
    assert audit.wrong_with_installed(lock, installed) == []
    assert audit.wrong_with_installed(lock, {"two-words": "2.1"}) == [
        "two-words 2.1 is installed, 2.0 or 1.9 is locked"
    ]


def test_a_licence_that_asks_more_than_ours_is_for_a_person_to_read() -> None:
    for licence in (
        "AGPL-3.0-only",
        "GNU GPL v3",
        "",
        "Proprietary",
        "MIT AND AGPL-3.0",
        "SSPL-1.0",
    ):
        assert audit.wrong_with_licences({"x": licence}), licence
    for licence in ("MIT", "Apache-2.0 OR BSD-2-Clause", "Mozilla Public License 2.0 (MPL 2.0)"):
        assert audit.wrong_with_licences({"x": licence}) == [], licence


def test_a_package_that_the_service_does_not_know_counts_as_unchecked_not_as_sound() -> None:
    told = {
        "dependencies": [
            {"name": "a", "version": "1", "vulns": []},
            {"name": "b", "version": "2",
             "vulns": [{"id": "X-1", "fix_versions": ["3"]}, {"id": "X-2", "fix_versions": []}]},
            {"name": "c", "skip_reason": "not found"},
        ]
    }  # fmt: skip
    assert audit.flaws(json.dumps(told)) == (
        ["b 2: X-1, mended in 3", "b 2: X-2, mended in no release"],
        ["c"],
    )
