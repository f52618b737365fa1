"""Trains the reader that tells new work from talk (`vori/tickets/extract/worth.py`).

    python -m tools.ticket_reader.train_worth [--without 14 15] [--out FILE] [--jobs 2]

Captions of `talks/` and of `benchmarks/cases` teach the two classifiers of captions; the drafts
that the rules make of `talks/`, with captions judged by classifiers that have not seen them, teach
the one of drafts. Logistic regression, only NumPy; the same talks give the same weights.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from tools.ticket_reader.talks import Talk, talks
from vori.ids import TicketId
from vori.tickets.case import read_case
from vori.tickets.extract import local, when, worth
from vori.tickets.extract.dates import find_days
from vori.tickets.extract.due import Role
from vori.tickets.messages import Draft, Passage, TicketStatus

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
        due = [
            sorted(i for i in where if ticket["due"] in days_in(passage, i))
            for ticket, where in zip(gold["newTickets"], evidence, strict=True)
        ]
        status = [TicketStatus(ticket["status"]) for ticket in gold["newTickets"]]
        told = {
            s: {min(e) for e, its in zip(evidence, status, strict=True) if e and its is s}
            for s in status
        }
        out.append(
            Talk(
                name=path.name,
                passage=passage,
                evidence=evidence,
                due=due,
                status=status,
                finished=told.get(TicketStatus.DONE, set()),
                begun=told.get(TicketStatus.IN_PROGRESS, set()),
                makes=makes,
                moves=moves,
                kept=None,
                stuck=stuck,
            )
        )
    return out


def days_in(passage: Passage, i: int) -> set[str]:
    """The dates said in a caption."""
    found = find_days(passage.segments[i].text, passage.started_at.date())
    return {d.day.isoformat() for d in found}


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
            any(i in where for where in talk.due),
            i in talk.finished,
            i in talk.begun,
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
    return worth.Weights(tuple(round(b, 4) for b in bias), kept, rows, [])


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


@dataclass
class Judged:
    """The captions of an unseen talk as judged by their words, and the right answers."""

    fold: int
    talk: Talk
    first: list[worth.Odds]
    languages: list[str]
    wanted: dict[int, tuple[bool, ...]]

    def beside(self, i: int, *, ends: bool = False) -> list[float]:
        """What the second classifiers read of caption `i`; ends: without those after it."""
        segments = self.talk.passage.segments
        count = i + 1 if ends else len(segments)
        return worth.beside(i, count, self.first.__getitem__, lambda j: segments[j].speaker)


def judge(
    fold: int, talk: Talk, examples: Sequence[Caption], mine: dict[str, worth.Weights]
) -> Judged:
    people = local.People(talk.passage.members)
    lines = worth.Lines(local.Board(talk.passage.existing_tickets).vocabulary.knows, people.words())
    for segment in talk.passage.segments:
        lines.add(segment)
    languages = [worth.language(lines.line(i)) for i in range(len(lines.segments))]
    first = [
        mine[name].odds(worth.features(lines.around(i), i, mine[name].kept))
        for i, name in enumerate(languages)
    ]
    return Judged(fold, talk, first, languages, {e.at: e.wanted for e in examples})


def train_second(judged: Sequence[Judged], language: str) -> list[list[float]]:
    """Weights of `worth.beside` for each target; captions are also learnt as a talk's last."""
    found, wanted, weight = [], [], []
    for it in judged:
        for i, answers in it.wanted.items():
            if it.languages[i] == language:
                found += [it.beside(i), it.beside(i, ends=True)]
                wanted += [answers, answers]
                weight += [1.0, ALONE]
    x, y, w = np.array(found), np.array(wanted, float), np.array(weight)
    return [newton(x, y[:, k], w, penalty=3.0) for k in range(y.shape[1])]


def second(it: Judged, again: dict[str, list[list[float]]]) -> list[worth.Odds]:
    """What the second classifiers say of the captions of a talk."""
    return [
        tuple(float(np.dot(row, it.beside(i))) for row in again[name])
        for i, name in enumerate(it.languages)
    ]


# ------------------------------------------------------------------ drafts


class Drafting(local.Talk):
    """Keeps every draft of the rules, and what is weighed of it; leaves judging to others."""

    def __init__(self, judged: Sequence[worth.Odds], *args: Any) -> None:
        super().__init__(*args)
        self.judged = judged
        self.drafted: list[tuple[worth.Candidate, list[worth.Places], local.Work]] = []

    def _is_worth(self, work: local.Work, draft: Draft) -> bool:
        candidate = self._candidate(work, draft)
        if candidate is not None:
            self.drafted.append((candidate, self._places_near(work), work))
        return True

    def odds(self, i: int) -> worth.Odds:
        return self.judged[i]

    def _judged(self, work: local.Work, draft: Draft) -> Draft:
        return draft

    def _intent(self, ticket: int) -> None:
        return None


@dataclass
class Rows:
    """What is weighed, and the right answers."""

    drafts: list[list[float]]
    is_work: list[bool]
    tickets: list[list[float]]
    was: list[TicketStatus]
    became: list[TicketStatus | None]
    works: list[Days]
    stated: list[list[float]]
    status: list[TicketStatus]


@dataclass
class Days:
    """A work's days: what is weighed of each, the date it means and whether it is the due date.

    told: the due date's possible values by the label; None where there is none, empty where it is
    told in words that no day was found in. ruled: the rules' date.
    """

    weighed: list[list[float]]
    dates: list[date]
    is_due: list[bool]
    told: set[date] | None
    ruled: date | None


def weigh(talk: Talk, judged: Sequence[worth.Odds]) -> Rows:
    """The drafts and the tickets of a talk by the rules, and by classifiers of captions."""
    board = local.Board(talk.passage.existing_tickets)
    people = local.People(talk.passage.members)
    heard = Drafting(judged, board, people, talk.passage.started_at.date())
    heard.hear_all(talk.passage.segments)
    heard.result()
    odds = heard.odds
    found = [worth.weighed(c, near, odds) for c, near, _ in heard.drafted]
    pairs = sorted(
        (
            (len(set(c.places) & evidence), -n, k)
            for n, (c, _, _) in enumerate(heard.drafted)
            for k, evidence in enumerate(talk.evidence)
            if any(abs(a - b) <= 1 for a in c.places for b in evidence)
        ),
        reverse=True,
    )
    matched: dict[int, int] = {}
    for _, n, k in pairs:
        if -n not in matched and k not in matched.values():
            matched[-n] = k
    rows = Rows(found, [n in matched for n in range(len(found))], [], [], [], [], [], [])
    for n, k in matched.items():
        candidate, near, work = heard.drafted[n]
        rows.stated.append(worth.stated(candidate, work.status, odds))
        rows.status.append(talk.status[k])
        if work.status is not TicketStatus.DONE or work.clause.korean:  # else no date is given
            rows.works.append(days(heard, work, near, talk.due[k], odds))
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


def days(
    heard: Drafting,
    work: local.Work,
    near: Sequence[worth.Places],
    told: Sequence[int],
    odds: worth.OddsOf,
) -> Days:
    """The days of a work whose due date the captions `told` tell, the last of them for good."""
    found = heard.dating(work)
    last = [(it, day) for it, day in found if told and told[-1] in it.link.said.places]
    roles = {it.link.said.role for it, _ in last}
    best = next((r for r in (Role.LIMIT, Role.PLAIN, Role.EVENT) if r in roles), Role.OFF)
    due = {day for it, day in last if it.link.said.role is best}
    return Days(
        [when.weighed(it, near, odds) for it, _ in found],
        [day for _, day in found],
        [day in due and not set(told).isdisjoint(it.link.said.places) for it, day in found],
        due if told else None,
        work.due,
    )


def train_days(works: Sequence[Days]) -> list[float]:
    """A day that is the due date by another mention than the label's teaches nothing."""
    rows = [
        (x, y)
        for w in works
        for x, day, y in zip(w.weighed, w.dates, w.is_due, strict=True)
        if y or day not in (w.told or ())
    ]
    return newton(np.array([x for x, _ in rows]), np.array([y for _, y in rows], float))


def is_right(found: date | None, work: Days) -> bool:
    return found is None if work.told is None else found in work.told


def newton(
    found: np.ndarray, wanted: np.ndarray, weight: np.ndarray | None = None, penalty: float = 1.0
) -> list[float]:
    """Logistic regression by Newton's method; the penalty keeps what is rare near the middle."""
    w = np.zeros(found.shape[1])
    each = np.ones(len(found)) if weight is None else weight
    for _ in range(40):
        p = 1 / (1 + np.exp(-found @ w))
        bent = (found.T * (each * p * (1 - p))) @ found + penalty * np.eye(len(w))
        w -= np.linalg.solve(bent, found.T @ (each * (p - wanted)) + penalty * w)
    return [round(float(x), 4) for x in w]


def train_tickets(
    found: np.ndarray, was: Sequence[TicketStatus], became: Sequence[TicketStatus | None]
) -> np.ndarray:
    """Weights (outcomes, told); a ticket's own status is no outcome."""
    may = np.array([[o is not s for o in worth.OUTCOMES] for s in was])
    return multinomial(found, np.array([[o is b for o in worth.OUTCOMES] for b in became]), may)


def train_states(found: np.ndarray, status: Sequence[TicketStatus]) -> np.ndarray:
    """Weights (states, stated)."""
    right = np.array([[o is s for o in worth.STATES] for s in status])
    return multinomial(found, right, np.ones_like(right))


def multinomial(found: np.ndarray, right: np.ndarray, may: np.ndarray) -> np.ndarray:
    """Multinomial regression by Adam; `right` and `may` tell which outcome is and which may be."""
    w = np.zeros((right.shape[1], found.shape[1]))
    m, v = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, 801):
        grad = (chances(found, w, may) - right).T @ found + w
        m, v = 0.9 * m + 0.1 * grad, 0.99 * v + 0.01 * grad**2
        rate = 0.1 * (1 - step / 801)
        w -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8)
    return w


def unseen_states(
    found: np.ndarray, status: Sequence[TicketStatus], at: np.ndarray, fold: int
) -> list[tuple[int, TicketStatus]]:
    """What each right draft of a fifth is said to be, by its number."""
    known = np.flatnonzero(at != fold)
    w = train_states(found[known], [status[i] for i in known])
    return [
        (int(i), worth.STATES[int((found[i] @ w.T).argmax())]) for i in np.flatnonzero(at == fold)
    ]


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
    parser.add_argument("--jobs", type=int, default=2, help="processes; each takes 2 GB")
    args = parser.parse_args()
    written = [*talks("en"), *talks("ko")]
    meetings = cases(args.without)
    with ProcessPoolExecutor(args.jobs) as pool:
        folds = [pool.submit(learn, written, meetings, fold) for fold in (*range(FOLDS), None)]
        *unseen, last = [f.result() for f in folds]
    judged = [it for part, _ in unseen for it in part]
    made = weights(written, meetings, judged, last[1])
    card = made["card"]
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    args.out.write_text(text + "\n", encoding="utf-8")
    print(json.dumps(card, indent=1, ensure_ascii=False))
    print(dict(zip(worth.WEIGHED, made["draft"], strict=True)), args.out.stat().st_size, "bytes")


def learn(
    written: Sequence[Talk], meetings: Sequence[Talk], fold: int | None
) -> tuple[list[Judged], dict[str, worth.Weights]]:
    """The first classifiers, and what they say of the fifth that they have not seen, if any."""
    known, unseen = split(written, fold) if fold is not None else (list(written), [])
    mine = by_language([e for t in (*known, *meetings) for e in captions(t)])
    return [judge(fold or 0, t, captions(t), mine) for t in unseen], mine


def weights(
    written: Sequence[Talk],
    meetings: Sequence[Talk],
    judged: Sequence[Judged],
    shipped: dict[str, worth.Weights],
) -> dict[str, Any]:
    """All that is learned, with its card. judged: captions by classifiers that had not seen them."""
    rows: list[Rows] = []
    fold_of: list[int] = []
    for fold in range(FOLDS):
        known_to = [j for j in judged if j.fold != fold]
        again = {name: train_second(known_to, name) for name in ("en", "ko")}
        for it in (j for j in judged if j.fold == fold):
            rows.append(weigh(it.talk, second(it, again)))
            fold_of.append(fold)
    x = np.array([d for r in rows for d in r.drafts])
    y = np.array([d for r in rows for d in r.is_work], float)
    folds = np.array([f for r, f in zip(rows, fold_of, strict=True) for _ in r.drafts])
    said = np.zeros(len(y))
    for fold in range(FOLDS):
        w = np.array(newton(x[folds != fold], y[folds != fold]))
        said[folds == fold] = 1 / (1 + np.exp(-x[folds == fold] @ w))
    ruled = x[:, worth.WEIGHED.index("read out")] == 0
    tickets = sum(len(t.evidence) for t in written)
    told = np.array([t for r in rows for t in r.tickets])
    was = [s for r in rows for s in r.was]
    became = [s for r in rows for s in r.became]
    places = np.array([f for r, f in zip(rows, fold_of, strict=True) for _ in r.tickets])
    moved = [
        found for fold in range(FOLDS) for found in unseen_moves(told, was, became, places, fold)
    ]
    moves = sum(len(t.moves) for t in written)
    stated = np.array([v for r in rows for v in r.stated])
    status = [v for r in rows for v in r.status]
    at = np.array([f for r, f in zip(rows, fold_of, strict=True) for _ in r.stated])
    dated = [d for fold in range(FOLDS) for d in unseen_days(rows, fold_of, fold)]
    card = {
        "what": "whether a draft of the rules is new work, and how far a ticket is",
        "model": "logistic regression over runs of words and of their kinds, then over the rules",
        "made by": "python -m tools.ticket_reader.train_worth",
        "talks": len(written),
        "meetings": len(meetings),
        "captions": sum(len(t.passage.segments) for t in (*written, *meetings)),
        "new tickets of the talks": tickets,
        "drafts of the talks": len(y),
        "moves of the talks": moves,
        "unseen fifths of the talks": {
            "drafts, area under the curve": round(areas(y, said), 3),
            "drafts, F1 by the rules": f1(y[ruled].sum(), ruled.sum(), tickets),
            "drafts, F1 by threshold": {
                str(t): f1(y[said >= t].sum(), (said >= t).sum(), tickets)
                for t in (0.3, 0.4, worth.LEAST, 0.5, 0.6)
            },
            "due dates of right drafts, by the rules": share(
                is_right(w.ruled, w) for r in rows for w in r.works
            ),
            "due dates of right drafts, by threshold": {
                str(t): share(is_right(day if p >= t else None, work) for day, p, work in dated)
                for t in (0.3, when.LEAST, 0.5, 0.6)
            },
            "status of right drafts, by the rules": share(
                worth.STATES[int(v[1 : 1 + len(worth.STATES)].argmax())] is s
                for v, s in zip(stated, status, strict=True)
            ),
            "status of right drafts": share(
                it is status[i]
                for fold in range(FOLDS)
                for i, it in unseen_states(stated, status, at, fold)
            ),
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
    return {
        "card": card,
        "languages": {
            name: {
                "bias": w.bias,
                "kept": sorted(w.kept),
                "rows": w.rows,
                "second": train_second(judged, name),
            }
            for name, w in shipped.items()
        },
        "draft": newton(x, y),
        "state": [[round(float(v), 4) for v in row] for row in train_states(stated, status)],
        "due": train_days([w for r in rows for w in r.works]),
        "ticket": [[round(float(v), 4) for v in row] for row in train_tickets(told, was, became)],
    }


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


def unseen_days(
    rows: Sequence[Rows], fold_of: Sequence[int], fold: int
) -> list[tuple[date | None, float, Days]]:
    """The most probable due date of each work of a fifth, and how probable it is."""
    w = train_days([d for r, f in zip(rows, fold_of, strict=True) if f != fold for d in r.works])
    out: list[tuple[date | None, float, Days]] = []
    for work in (d for r, f in zip(rows, fold_of, strict=True) if f == fold for d in r.works):
        said = [worth.probability(float(np.dot(x, w))) for x in work.weighed]
        best = max(range(len(said)), key=said.__getitem__, default=None)
        out.append((None, 0.0, work) if best is None else (work.dates[best], said[best], work))
    return out


def share(right: Iterable[bool]) -> float:
    found = list(right)
    return round(sum(found) / max(1, len(found)), 3)


def f1(right: float, found: float, wanted: float) -> float:
    return round(float(2 * right / (found + wanted)), 3)


if __name__ == "__main__":
    main()
