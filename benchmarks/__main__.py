"""`vori bench [start|captions|events|speech|tickets|all] [--json]`.

Each benchmark is a module here with `measure() -> dict`: names to numbers, units in the names.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

NAMES = ("start", "captions", "events", "speech", "tickets")


def main(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    asked = [a for a in arguments if a != "--json"] or ["all"]
    names = NAMES if asked == ["all"] else asked
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(f"there is no benchmark {unknown[0]!r}: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    results: dict[str, Any] = {}
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        results[name] = importlib.import_module(f"benchmarks.{name}").measure()
        if not as_json:
            show(name, results[name])
    if as_json:
        print(json.dumps(results, ensure_ascii=False, indent=2))
    return 0


def show(name: str, figures: dict[str, Any], indent: str = "") -> None:
    print(f"{indent}{name}")
    for what, figure in figures.items():
        if isinstance(figure, dict):
            show(what, figure, indent + "  ")
        else:
            text = f"{figure:.3g}" if isinstance(figure, float) else str(figure)
            print(f"{indent}  {what:<32} {text}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
