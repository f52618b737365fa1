"""Build the page out of `web/` into `vori/page/dist/`, when it is missing or older than its source.

With `--if-possible`, a machine without Node, or without a way to the packages, goes on without.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "web"
BUILT = ROOT / "vori" / "page" / "dist" / "index.html"
INSTALLED = WEB / "node_modules" / ".package-lock.json"
OLDEST_NODE = (20, 19)
NOT_SOURCE = {"node_modules", "openapi.json"}
HOW = "The page is not built: install Node {}.{} or newer and run `make page`. VORI runs without."


def main() -> int:
    is_optional = "--if-possible" in sys.argv[1:]
    is_built = not is_stale()
    # Asked for the page, its packages are there too: tests and checks of it want them.
    if is_built and (is_optional or is_installed()):
        return 0
    if not has_node():
        print(how(), file=sys.stderr)
        return 0 if is_optional else 1
    try:
        if is_built:
            install()
        else:
            build()
    except subprocess.CalledProcessError as exc:
        print(f"The page could not be built: {' '.join(exc.cmd)} failed.", file=sys.stderr)
        return 0 if is_optional else 1
    return 0


def is_stale() -> bool:
    """Whether any source is newer than the build; what the API's types come from counts."""
    if not BUILT.exists():
        return True
    built_at = BUILT.stat().st_mtime
    sources = [path for path in WEB.iterdir() if path.name not in NOT_SOURCE]
    sources += [path for folder in ("src", "public") for path in (WEB / folder).rglob("*")]
    sources = [path for path in sources if path.is_file() and path.name != "schema.ts"]
    sources += ROOT.glob("vori/**/routes.py")
    sources += ROOT.glob("vori/**/messages.py")
    return any(path.stat().st_mtime > built_at for path in sources)


def how() -> str:
    return HOW.format(*OLDEST_NODE)


def has_node() -> bool:
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    major, minor, *_ = [*told.strip().lstrip("v").split("."), "0", "0"]
    return major.isdigit() and minor.isdigit() and (int(major), int(minor)) >= OLDEST_NODE


def build() -> None:
    """Describe the API, install what is locked, build. Raises CalledProcessError."""
    from tools.openapi import document

    text = json.dumps(document(), ensure_ascii=False, indent=1)
    (WEB / "openapi.json").write_text(text, encoding="utf-8")
    install()
    _npm("run", "build")


def is_installed() -> bool:
    lock = WEB / "package-lock.json"
    return INSTALLED.exists() and INSTALLED.stat().st_mtime >= lock.stat().st_mtime


def install() -> None:
    """Put the packages that are locked in place. Raises CalledProcessError."""
    if not is_installed():
        # Not `ci`: it refuses a lock without the packages of platforms that a registry lacks.
        _npm("install", "--no-save", "--no-audit", "--no-fund")


def _npm(*arguments: str) -> None:
    subprocess.run(["npm", "--silent", *arguments], cwd=WEB, check=True)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
