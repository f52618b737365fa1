"""`vori bench [start|captions|events|speech|tickets|analytics|page|crowd|all] [--json] [options of the benchmark]`.

Each benchmark is a module here with `measure() -> dict`: names to numbers, units in the names.
One that takes options has `main(options) -> dict` too.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

NAMES = ("start", "captions", "events", "speech", "tickets", "analytics", "page", "crowd")


def main(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    what, *options = [a for a in arguments if a != "--json"] or ["all"]
    if what in ("-h", "--help"):
        print(__doc__)
        return 0
    names = NAMES if what == "all" else (what,)
    if what not in ("all", *NAMES):
        print(f"there is no benchmark {what!r}: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    results: dict[str, Any] = {}
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        module = importlib.import_module(f"benchmarks.{name}")
        results[name] = module.main(options) if options else module.measure()
        if not as_json:
            show(name, results[name])
    if as_json:
        # Asked for alone, a benchmark's figures are the object itself.
        told = results if len(names) > 1 else results[what]
        print(json.dumps(told, ensure_ascii=False, indent=2))
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
