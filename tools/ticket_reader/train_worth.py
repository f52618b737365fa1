"""Trains the reader that tells new work from talk (`vori/tickets/extract/worth.py`).

    python -m tools.ticket_reader.train_worth [--without 14 15] [--out FILE]

Captions of `talks/` and of `benchmarks/cases` teach the two classifiers of captions; the drafts
that the rules make of `talks/`, with captions judged by classifiers that have not seen them, teach
the one of drafts. Logistic regression, only NumPy; the same talks give the same weights.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.ticket_reader.talks import Talk, talks
from vori.ids import TicketId
from vori.tickets.case import read_case
from vori.tickets.extract import local, worth
from vori.tickets.messages import Draft, TicketStatus

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
        gold = raw.pop("gold")
        passage = read_case(json.dumps(raw).encode())
        place = {s.seq: i for i, s in enumerate(passage.segments)}
        evidence = [{place[seq] for seq in ticket["evidence"]} for ticket in gold["newTickets"]]
        moves = {
            TicketId(u["ticketId"]): (
                TicketStatus(u["newStatus"]),
                {place[seq] for seq in u["evidence"]},
            )
            for u in gold["ticketUpdates"]
        }
        stuck = {place[seq] for blocker in gold["blockers"] for seq in blocker["evidence"]}
        makes = {min(e) for e in evidence if e}
        out.append(Talk(path.name, passage, evidence, makes, moves, None, stuck))
    return out


# ------------------------------------------------------------------ captions


@dataclass
class Caption:
    """A caption as an example: how it is read with those around it and alone."""

    talk: str
    is_korean: bool
    around: dict[int, worth.Line]
    at: int
    wanted: tuple[bool, ...]
    """TARGETS."""
    knows_kept: bool


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
        told = {status for status, where in talk.moves.values() if i in where}
        wanted = (
            i in evidence,
            i in talk.makes,
            TicketStatus.DONE in told,
            TicketStatus.IN_PROGRESS in told,
            TicketStatus.TODO in told,
            i in (talk.kept or ()),
            i in talk.stuck,
        )
        out.append(Caption(talk.name, line.is_korean, around, i, wanted, talk.kept is not None))
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
    wanted = np.array([e.wanted for e in examples] * 2, float)
    weight = np.ones((len(found), len(worth.TARGETS)))
    weight[len(examples) :] = ALONE
    weight[[not e.knows_kept for e in examples] * 2, worth.KEPT] = 0.0
    w, bias = fit(found, index, wanted, weight)
    rows = {}
    for name, i in index.items():
        row = [round(100 * x) for x in w[i]]
        if max(map(abs, row)) >= 20:
            rows[name] = row
    return worth.Weights(tuple(round(b, 4) for b in bias), kept, rows)


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
    total = np.maximum(weight.sum(0), 1.0)
    for step in range(1, steps + 1):
        scores = np.stack(
            [np.bincount(rows, scale * w[columns, k], len(found)) for k in range(targets)], axis=1
        )
        error = (1 / (1 + np.exp(-scores - bias)) - wanted) * weight / total
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
        self.drafted: list[tuple[worth.Candidate, list[worth.Places]]] = []

    def _is_worth(self, work: local.Work, draft: Draft) -> bool:
        candidate = self._candidate(work, draft)
        if candidate is not None:
            self.drafted.append((candidate, self._places_near(work)))
        return True


@dataclass
class Rows:
    """What is weighed, and the right answers."""

    drafts: list[list[float]]
    is_work: list[bool]
    tickets: list[list[float]]
    was: list[TicketStatus]
    became: list[TicketStatus | None]


def weigh(talk: Talk, mine: dict[str, worth.Weights]) -> Rows:
    """The drafts and the tickets of a talk by the rules, and by classifiers of captions."""
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

    def odds(i: int) -> worth.Odds:
        around = heard.lines.around(i)
        judge = mine[worth.language(around[i])]
        return judge.odds(worth.features(around, i, judge.kept))

    found = [worth.weighed(c, near, odds) for c, near in heard.drafted]
    pairs = sorted(
        (
            (len(set(c.places) & evidence), -n, k)
            for n, (c, _) in enumerate(heard.drafted)
            for k, evidence in enumerate(talk.evidence)
            if any(abs(a - b) <= 1 for a in c.places for b in evidence)
        ),
        reverse=True,
    )
    matched: dict[int, int] = {}
    for _, n, k in pairs:
        if -n not in matched and k not in matched.values():
            matched[-n] = k
    rows = Rows(found, [n in matched for n in range(len(found))], [], [], [])
    for n, known in enumerate(board.tickets):
        if not heard.mentions[n] and n not in heard.claims:
            continue
        intent = heard.by_rules(n)
        rows.tickets.append(
            worth.told(
                known.status,
                intent and intent.new_status,
                intent.confidence if intent else 0.0,
                tuple(heard.mentions[n]),
                odds,
            )
        )
        rows.was.append(known.status)
        rows.became.append(
            talk.moves[known.ticket_id][0] if known.ticket_id in talk.moves else None
        )
    return rows


def train_drafts(found: np.ndarray, wanted: np.ndarray) -> list[float]:
    """Newton's method; a small penalty keeps rare kinds of drafts near the middle."""
    w = np.zeros(found.shape[1])
    for _ in range(40):
        p = 1 / (1 + np.exp(-found @ w))
        bent = (found.T * (p * (1 - p))) @ found + np.eye(len(w))
        w -= np.linalg.solve(bent, found.T @ (p - wanted) + w)
    return [round(float(x), 4) for x in w]


def train_tickets(
    found: np.ndarray, was: Sequence[TicketStatus], became: Sequence[TicketStatus | None]
) -> np.ndarray:
    """Weights (outcomes, told) of a multinomial regression; a ticket's own status is no outcome."""
    w = np.zeros((len(worth.OUTCOMES), found.shape[1]))
    may = np.array([[o is not s for o in worth.OUTCOMES] for s in was])
    right = np.array([[o is b for o in worth.OUTCOMES] for b in became], float)
    m, v = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, 801):
        grad = (chances(found, w, may) - right).T @ found + w
        m, v = 0.9 * m + 0.1 * grad, 0.99 * v + 0.01 * grad**2
        rate = 0.1 * (1 - step / 801)
        w -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8)
    return w


def chances(found: np.ndarray, w: np.ndarray, may: np.ndarray) -> np.ndarray:
    scores = np.where(may, found @ w.T, -50.0)
    raised = np.exp(scores - scores.max(1, keepdims=True))
    out: np.ndarray = raised / raised.sum(1, keepdims=True)
    return out


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
    return {
        "en": train_captions([e for e in examples if not e.is_korean]),
        "ko": train_captions([e for e in examples if e.is_korean]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--without", type=int, nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=worth.WEIGHTS)
    args = parser.parse_args()
    written = [*talks("en"), *talks("ko")]
    meetings = cases(args.without)
    seen = {t.name: captions(t) for t in (*written, *meetings)}
    rows: list[Rows] = []
    fold_of: list[int] = []
    for fold in range(FOLDS):
        known, unseen = split(written, fold)
        mine = by_language([e for t in (*known, *meetings) for e in seen[t.name]])
        for talk in unseen:
            rows.append(weigh(talk, mine))
            fold_of.append(fold)
    x = np.array([d for r in rows for d in r.drafts])
    y = np.array([d for r in rows for d in r.is_work], float)
    folds = np.array([f for r, f in zip(rows, fold_of, strict=True) for _ in r.drafts])
    said = np.zeros(len(y))
    for fold in range(FOLDS):
        w = np.array(train_drafts(x[folds != fold], y[folds != fold]))
        said[folds == fold] = 1 / (1 + np.exp(-x[folds == fold] @ w))
    tickets = sum(len(t.evidence) for t in written)
    told = np.array([t for r in rows for t in r.tickets])
    was = [s for r in rows for s in r.was]
    became = [s for r in rows for s in r.became]
    places = np.array([f for r, f in zip(rows, fold_of, strict=True) for _ in r.tickets])
    moved = [
        found for fold in range(FOLDS) for found in unseen_moves(told, was, became, places, fold)
    ]
    moves = sum(len(t.moves) for t in written)
    card = {
        "what": "whether a draft of the rules is new work, and how far a ticket is",
        "model": "logistic regression over runs of words and of their kinds, then over the rules",
        "made by": "python -m tools.ticket_reader.train_worth",
        "talks": len(written),
        "meetings": len(meetings),
        "captions": sum(map(len, seen.values())),
        "new tickets of the talks": tickets,
        "drafts of the talks": len(y),
        "moves of the talks": moves,
        "unseen fifths of the talks": {
            "drafts, area under the curve": round(areas(y, said), 3),
            "drafts, F1 by the rules": f1(y.sum(), len(y), tickets),
            "drafts, F1 by threshold": {
                str(t): f1(y[said >= t].sum(), (said >= t).sum(), tickets)
                for t in (0.3, 0.4, worth.LEAST, 0.5, 0.6)
            },
            "moves, F1 by the rules": f1(
                sum(b is not None and rule_of(t) is b for t, b in zip(told, became, strict=True)),
                sum(rule_of(t) is not None for t in told),
                moves,
            ),
            "moves, F1 by threshold": {
                str(t): f1(
                    sum(o is b for o, b, p in moved if p >= t),
                    sum(p >= t for _, _, p in moved),
                    moves,
                )
                for t in (0.35, 0.4, worth.SURE, 0.5, 0.6)
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
        "ticket": [[round(float(v), 4) for v in row] for row in train_tickets(told, was, became)],
    }
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    args.out.write_text(text + "\n", encoding="utf-8")
    print(json.dumps(card, indent=1, ensure_ascii=False))
    print(dict(zip(worth.WEIGHED, made["draft"], strict=True)), args.out.stat().st_size, "bytes")


def rule_of(told: np.ndarray) -> TicketStatus | None:
    """The rules' outcome in what is weighed of a ticket."""
    first = worth.TOLD.index("rules: None")
    return worth.OUTCOMES[int(told[first : first + len(worth.OUTCOMES)].argmax())]


def unseen_moves(
    told: np.ndarray,
    was: Sequence[TicketStatus],
    became: Sequence[TicketStatus | None],
    places: np.ndarray,
    fold: int,
) -> list[tuple[TicketStatus, TicketStatus | None, float]]:
    """The most probable move of each ticket of a fifth, the right one, and how probable it is."""
    known = np.flatnonzero(places != fold)
    w = train_tickets(told[known], [was[i] for i in known], [became[i] for i in known])
    out = []
    for i in np.flatnonzero(places == fold):
        may = np.array([[o is not was[i] for o in worth.OUTCOMES]])
        p = chances(told[i : i + 1], w, may)[0]
        best = 1 + int(p[1:].argmax())
        move = worth.OUTCOMES[best]
        assert move is not None
        out.append((move, became[i], float(p[best])))
    return out


def f1(right: float, found: float, wanted: float) -> float:
    return round(float(2 * right / (found + wanted)), 3)


if __name__ == "__main__":
    main()
