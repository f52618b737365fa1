"""Commit delay over rooms as an SVG, without a library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 360, 60, 40
TOP_MS = 4_000
LINES = (("points", "VORI", "#1f5fbf"), ("pointsBaseline", "one at a time", "#b3541e"))


def plot(path: Path, model: str, figures: dict[str, Any]) -> None:
    """p95 of commit delay, milliseconds, for each number of rooms that was tried."""
    most = max(int(rooms) for name, _, _ in LINES for rooms in figures.get(name, {"1": 0}))

    def place(rooms: float, delay_ms: float) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - 20) * rooms / most
        y = HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 20) * min(delay_ms, TOP_MS) / TOP_MS
        return round(x, 1), round(y, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="14">p95 of commit delay (s) over rooms: {model}</text>',
    ]
    for second in range(TOP_MS // 1000 + 1):
        x, y = place(0, 1000 * second)
        parts.append(f'<line x1="{x}" x2="{WIDTH - 20}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{x - 20}" y="{y + 4}">{second}</text>')
    for rooms in sorted({0, most // 4, most // 2, 3 * most // 4, most}):
        x, y = place(rooms, 0)
        parts.append(f'<text x="{x - 6}" y="{y + 18}">{rooms}</text>')
    for number, (name, label, colour) in enumerate(LINES):
        points = figures.get(name)
        if not points:
            continue
        found = [
            place(int(rooms), points[rooms]["commitDelayMs"].get("p95", TOP_MS))
            for rooms in sorted(points, key=int)
        ]
        line = " ".join(f"{x},{y}" for x, y in found)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in found]
        parts.append(f'<text x="{LEFT + 10 + 120 * number}" y="32" fill="{colour}">{label}</text>')
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")
