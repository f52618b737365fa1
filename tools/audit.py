"""What VORI is built of: locked, whole, with licences we can live with, and without known flaws.

    python tools/audit.py [--strict]

Checked without a network: every locked package has hashes (pip then takes no other file), what is
installed is what is locked and fits together, and each licence is one of those below. Known flaws
and withdrawn releases only a service of the package index can tell: `pip-audit` is asked, and
where it cannot answer that is said, never taken for "none". Ends with 1 when something is wrong,
with --strict also when something could not be checked.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.txt"
PIP_AUDIT = "pip-audit==2.10.1"
ASK_S = 180
LICENCES = (
    "MIT", "MIT-0", "ISC", "BSD", "0BSD", "Apache", "MPL", "Mozilla Public License", "PSF", "Python",
    "Zlib", "CC0", "Unlicense", "Repoze",
)  # fmt: skip
"""Permissive ones, and those that ask for changes to their own files only."""
NAME = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


Lock = dict[str, dict[str, int]]
"""Of each package its versions (one for each Python, where they differ) with their hashes' number."""


def locked(text: str) -> Lock:
    found: Lock = {}
    name = version = ""
    for line in text.splitlines():
        if head := NAME.match(line):
            name, version = plain(head[1]), head[2]
            found.setdefault(name, {})[version] = 0
        if name:
            found[name][version] += line.count("--hash=sha256:")
    return found


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wrong_with_lock(lock: Lock) -> list[str]:
    return [
        f"{name} {version} has no hash"
        for name, versions in lock.items()
        for version, hashes in versions.items()
        if not hashes
    ]


def wrong_with_installed(lock: Lock, installed: dict[str, str]) -> list[str]:
    """What is here in another version than in the lock."""
    return [
        f"{name} {version} is installed, {' or '.join(lock[name])} is locked"
        for name, version in sorted(installed.items())
        if name in lock and version not in lock[name]
    ]


def wrong_with_licences(licences: dict[str, str]) -> list[str]:
    """A licence that is not known here, or none, is for a person to read."""
    return [
        f"{name}: licence {licence!r} is none of those in tools/audit.py"
        for name, licence in sorted(licences.items())
        if not any(known.lower() in licence.lower() for known in LICENCES)
        or re.search(r"\bA?GPL|\bSSPL|Commons Clause|\bBUSL", licence)
    ]


def licence_of(metadata: importlib.metadata.PackageMetadata) -> str:
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [one for one in metadata.get_all("Classifier") or [] if one.startswith("License")]
    if classifiers:
        return "; ".join(one.split(" :: ")[-1] for one in classifiers)
    return (str(metadata.get("License") or "").splitlines() or [""])[0][:80]


def flaws(answer: str) -> tuple[list[str], list[str]]:
    """Known flaws, and packages of which nothing is known, in pip-audit's JSON."""
    found, unknown = [], []
    for one in json.loads(answer)["dependencies"]:
        if "skip_reason" in one:
            unknown.append(one["name"])
        found += [
            f"{one['name']} {one['version']}: {flaw['id']}, mended in"
            f" {', '.join(flaw['fix_versions']) or 'no release'}"
            for flaw in one.get("vulns", ())
        ]
    return found, unknown


def ask_for_flaws() -> tuple[list[str], str]:
    """Known flaws, and why not all packages were checked, if so."""
    command = [
        *(Path(sys.executable).with_name("uv"), "tool", "run", "--from", PIP_AUDIT, "pip-audit"),
        *("--requirement", LOCK, "--require-hashes", "--disable-pip", "--format", "json"),
        *("--progress-spinner", "off"),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ASK_S, check=False, cwd=ROOT
        )
        found, unknown = flaws(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError):
        return [], "pip-audit or its service cannot be reached"
    if unknown:
        return found, f"the service knows nothing of {len(unknown)} packages ({unknown[0]} …)"
    return found, ""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Look at what VORI is built of.")
    parser.add_argument("--strict", action="store_true", help="fail where something is unchecked")
    parser.add_argument("--offline", action="store_true", help="ask no service for known flaws")
    given = parser.parse_args(arguments)
    lock = locked(LOCK.read_text(encoding="utf-8"))
    here = {plain(one.name): one for one in importlib.metadata.distributions()}
    fits = subprocess.run(
        [Path(sys.executable).with_name("uv"), "pip", "check", "--quiet"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    wrong = [
        *wrong_with_lock(lock),
        *wrong_with_installed(lock, {name: one.version for name, one in here.items()}),
        *wrong_with_licences({name: licence_of(one.metadata) for name, one in here.items()}),
        *([fits.stderr.strip()] if fits.returncode else []),
    ]
    print(f"{len(lock)} packages locked, {len(here)} installed")
    if besides := sorted(here.keys() - lock.keys() - {"vori", "pip", "setuptools"}):
        print(f"installed besides: {', '.join(besides)}")
    unchecked = "not asked for" if given.offline else ""
    if not given.offline:
        found, unchecked = ask_for_flaws()
        wrong += found
    for line in wrong:
        print(f"wrong: {line}")
    print(f"known flaws: NOT CHECKED, {unchecked}" if unchecked else "known flaws: checked")
    return int(bool(wrong) or (given.strict and bool(unchecked)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
