"""Trains the reader that tells new work from talk (`vori/tickets/extract/worth.py`).

    python -m tools.ticket_reader.train_worth [--without 14 15] [--folds] [--out FILE]

Captions of `talks/` and of `benchmarks/cases` teach the two classifiers of captions; the drafts
that the rules make of `talks/`, with captions judged by classifiers that have not seen them, teach
the one of drafts. Logistic regression, only NumPy; the same talks give the same weights.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.ticket_reader.talks import Talk, talks
from vori.tickets.case import read_case
from vori.tickets.extract import local, worth
from vori.tickets.messages import Draft

CASES = Path(__file__).parents[2] / "benchmarks" / "cases"
FOLDS = 5
ALONE = 0.4
"""A caption is also learnt without those around it, as at a talk's ends, so heavily."""
LEAST_TALKS = 5
"""Words met in so many talks stand for themselves."""


def batch(path: Path) -> int:
    """Of which batch a case is; 0 for those of the first ones."""
    m = re.match(r"[a-z]+(\d+)-", path.name)
    return int(m[1]) if m else 0


def cases(without: Sequence[int]) -> list[Talk]:
    """The benchmark's meetings."""
    out = []
    for path in sorted(CASES.glob("*.json")):
        if batch(path) in without:
            continue
        raw = json.loads(path.read_text(encoding="utf-8"))
        gold = raw.pop("gold")["newTickets"]
        passage = read_case(json.dumps(raw).encode())
        place = {s.seq: i for i, s in enumerate(passage.segments)}
        evidence = [{place[seq] for seq in ticket["evidence"]} for ticket in gold]
        out.append(Talk(path.name, passage, evidence, {min(e) for e in evidence if e}))
    return out


# ------------------------------------------------------------------ captions


@dataclass
class Caption:
    """A caption as an example: how it is read with those around it and alone."""

    talk: str
    is_korean: bool
    around: dict[int, worth.Line]
    at: int
    is_evidence: bool
    makes: bool


def captions(talk: Talk) -> list[Caption]:
    people = local.People(talk.passage.members)
    board = local.Board(talk.passage.existing_tickets)
    names, knows = people.words(), board.vocabulary.knows
    lines = [worth.read(s.text, s.speaker, knows, names) for s in talk.passage.segments]
    evidence = set().union(*talk.evidence)
    out = []
    for i, line in enumerate(lines):
        if not line.tokens:
            continue
        first = max(0, i - worth.REACH)
        around = dict(enumerate(lines[first : i + worth.REACH + 1], first))
        out.append(Caption(talk.name, line.is_korean, around, i, i in evidence, i in talk.makes))
    return out


def train_captions(examples: Sequence[Caption]) -> worth.Weights:
    met: dict[str, set[str]] = {}
    for e in examples:
        for word, kind in e.around[e.at].tokens:
            if word != kind:
                met.setdefault(word, set()).add(e.talk)
    kept = frozenset(w for w, where in met.items() if len(where) >= LEAST_TALKS)
    found = [worth.features(e.around, e.at, kept) for e in examples]
    found += [worth.features({e.at: e.around[e.at]}, e.at, kept) for e in examples]
    counts = Counter(name for names in found[: len(examples)] for name in names)
    index = {n: i for i, n in enumerate(sorted(n for n, k in counts.items() if k >= 3))}
    wanted = np.array([[e.is_evidence, e.makes] for e in examples] * 2, float)
    weight = np.repeat([1.0, ALONE], len(examples))
    w, bias = fit(found, index, wanted, weight)
    rows = {}
    for name, i in index.items():
        row = [round(100 * x) for x in w[i]]
        if max(map(abs, row)) >= 12:
            rows[name] = row
    return worth.Weights((round(bias[0], 4), round(bias[1], 4)), kept, rows)


def fit(
    found: Sequence[set[str]],
    index: dict[str, int],
    wanted: np.ndarray,
    weight: np.ndarray,
    *,
    decay: float = 0.3,
    steps: int = 120,
) -> tuple[np.ndarray, list[float]]:
    """Weights (features, targets) and biases of logistic regressions, by Adam on all at once."""
    rows = np.repeat(np.arange(len(found)), [sum(n in index for n in names) for names in found])
    columns = np.array(
        [i for names in found for i in sorted(index[n] for n in names if n in index)]
    )
    scale = np.array([1 / np.sqrt(len(names) or 1) for names in found])[rows]
    targets = wanted.shape[1]
    w, bias = np.zeros((len(index), targets)), np.zeros(targets)
    m, v, mb, vb = np.zeros_like(w), np.zeros_like(w), np.zeros_like(bias), np.zeros_like(bias)
    total = weight.sum()
    for step in range(1, steps + 1):
        scores = np.stack(
            [np.bincount(rows, scale * w[columns, k], len(found)) for k in range(targets)], axis=1
        )
        error = (1 / (1 + np.exp(-scores - bias)) - wanted) * weight[:, None] / total
        grad = np.stack(
            [np.bincount(columns, scale * error[rows, k], len(index)) for k in range(targets)],
            axis=1,
        )
        grad += decay * w / total
        rate = 0.25 * (1 - step / (steps + 1))
        m, v = 0.9 * m + 0.1 * grad, 0.99 * v + 0.01 * grad**2
        mb, vb = 0.9 * mb + 0.1 * error.sum(0), 0.99 * vb + 0.01 * error.sum(0) ** 2
        w -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8)
        bias -= rate * (mb / (1 - 0.9**step)) / (np.sqrt(vb / (1 - 0.99**step)) + 1e-8)
    return w, [float(b) for b in bias]


# ------------------------------------------------------------------ drafts


class Drafting(local.Talk):
    """Keeps every draft of the rules, and what is weighed of it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.drafted: list[tuple[Draft, worth.Candidate, list[worth.Places]]] = []

    def _is_worth(self, work: local.Work, draft: Draft) -> bool:
        candidate = self._candidate(work, draft)
        if candidate is not None:
            self.drafted.append((draft, candidate, self._places_near(work)))
        return True


def drafts(
    talk: Talk, mine: dict[str, worth.Weights]
) -> tuple[list[list[float]], list[bool], list[worth.Candidate]]:
    """What is weighed of each draft of a talk, and whether it is the one of a piece of work."""
    people = local.People(talk.passage.members)
    board = local.Board(talk.passage.existing_tickets)
    heard = Drafting(board, people, talk.passage.started_at.date())
    for segment in talk.passage.segments:
        heard.lines.add(segment)
    for clause in local.clauses(
        talk.passage.segments, people, board.vocabulary, talk.passage.started_at.date()
    ):
        heard.hear(clause)
    heard.result()

    def odds(i: int) -> tuple[float, float]:
        lines = heard.lines
        first, last = max(0, i - worth.REACH), min(len(lines.segments), i + worth.REACH + 1)
        around = {j: lines.line(j) for j in range(first, last)}
        judge = mine[worth.language(around[i])]
        return judge.odds(worth.features(around, i, judge.kept))

    found = [worth.weighed(c, near, odds) for _, c, near in heard.drafted]
    pairs = sorted(
        (
            (len(set(c.places) & evidence), -n, k)
            for n, (_, c, _) in enumerate(heard.drafted)
            for k, evidence in enumerate(talk.evidence)
            if any(abs(a - b) <= 1 for a in c.places for b in evidence)
        ),
        reverse=True,
    )
    matched: dict[int, int] = {}
    for _, n, k in pairs:
        if -n not in matched and k not in matched.values():
            matched[-n] = k
    return found, [n in matched for n in range(len(found))], [c for _, c, _ in heard.drafted]


def train_drafts(found: np.ndarray, wanted: np.ndarray) -> list[float]:
    """Newton's method; a small penalty keeps rare kinds of drafts near the middle."""
    w = np.zeros(found.shape[1])
    for _ in range(40):
        p = 1 / (1 + np.exp(-found @ w))
        bent = (found.T * (p * (1 - p))) @ found + np.eye(len(w))
        w -= np.linalg.solve(bent, found.T @ (p - wanted) + w)
    return [round(float(x), 4) for x in w]


def split(items: Sequence[Talk], fold: int) -> tuple[list[Talk], list[Talk]]:
    return (
        [t for n, t in enumerate(items) if n % FOLDS != fold],
        [t for n, t in enumerate(items) if n % FOLDS == fold],
    )


def areas(wanted: np.ndarray, said: np.ndarray) -> float:
    """Area under the ROC curve."""
    order = np.argsort(said, kind="stable")
    ranks = np.empty(len(said))
    ranks[order] = np.arange(1, len(said) + 1)
    yes = int(wanted.sum())
    return float((ranks[wanted > 0].sum() - yes * (yes + 1) / 2) / (yes * (len(wanted) - yes)))


def by_language(examples: Sequence[Caption]) -> dict[str, worth.Weights]:
    is_korean: Callable[[Caption], bool] = lambda e: e.is_korean  # noqa: E731
    return {
        "en": train_captions([e for e in examples if not is_korean(e)]),
        "ko": train_captions([e for e in examples if is_korean(e)]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--without", type=int, nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=worth.WEIGHTS)
    args = parser.parse_args()
    written = [*talks("en"), *talks("ko")]
    meetings = cases(args.without)
    seen = {t.name: captions(t) for t in (*written, *meetings)}
    found: list[list[float]] = []
    wanted: list[bool] = []
    fold_of: list[int] = []
    for fold in range(FOLDS):
        known, unseen = split(written, fold)
        mine = by_language([e for t in (*known, *meetings) for e in seen[t.name]])
        for talk in unseen:
            x, y, _ = drafts(talk, mine)
            found += x
            wanted += y
            fold_of += [fold] * len(y)
    x, y, folds = np.array(found), np.array(wanted, float), np.array(fold_of)
    said = np.zeros(len(y))
    for fold in range(FOLDS):
        w = np.array(train_drafts(x[folds != fold], y[folds != fold]))
        said[folds == fold] = 1 / (1 + np.exp(-x[folds == fold] @ w))
    tickets = sum(len(t.evidence) for t in written)
    kept = said >= worth.LEAST
    card = {
        "what": "whether a draft of the rules is new work, not talk, and not drafted already",
        "model": "logistic regression over runs of words and of their kinds, and over drafts",
        "made by": "python -m tools.ticket_reader.train_worth",
        "talks": len(written),
        "meetings": len(meetings),
        "captions": sum(map(len, seen.values())),
        "tickets of the talks": tickets,
        "drafts of the talks": len(y),
        "unseen fifths of the talks": {
            "area under the curve": round(areas(y, said), 3),
            "F1 of all drafts": round(float(2 * y.sum() / (len(y) + tickets)), 3),
            "F1 of those kept": round(float(2 * y[kept].sum() / (kept.sum() + tickets)), 3),
            "F1 by threshold": {
                str(least): round(
                    float(2 * y[said >= least].sum() / ((said >= least).sum() + tickets)), 3
                )
                for least in (0.3, 0.4, 0.45, 0.5, 0.6)
            },
        },
    }
    shipped = by_language([e for t in (*written, *meetings) for e in seen[t.name]])
    made = {
        "card": card,
        "languages": {
            name: {"bias": w.bias, "kept": sorted(w.kept), "rows": w.rows}
            for name, w in shipped.items()
        },
        "draft": train_drafts(x, y),
    }
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    args.out.write_text(text + "\n", encoding="utf-8")
    print(json.dumps(card, indent=1, ensure_ascii=False))
    weights = dict(zip(worth.WEIGHED, made["draft"], strict=True))
    print(weights, args.out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
