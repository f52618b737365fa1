"""Keywords of meetings and groups by TF-IDF, and topics of a group's meetings by clustering."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import IDF, CountVectorizer, Normalizer
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as f

from vori.analytics import insights, sink
from vori.analytics.messages import Insight, InsightKind, Span
from vori.analytics.sample import NEEDED
from vori.analytics.sink import GroupWord, MeetingWord, MinuteWords, TopicRow
from vori.analytics.words import Words
from vori.ids import GroupId, MeetingId

RECENT = timedelta(days=28)
"""Keywords and topics of a group are those of so many days."""
WEEK = timedelta(days=7)
KEYWORDS = 30
TOPIC_WORDS = 3
MOST_TOPICS = 6
MEETINGS_PER_TOPIC = 4
SEED = 1

Run = Callable[[Coroutine[Any, Any, Any]], Any]

MINUTES_AT_ONCE = 2_000
"""Minutes of talk read in one go, so that what was read is kept when the job ends."""

_MINUTES = "meeting_id long, group_id long, minute int, newest timestamp, text string"
_WORDS = "meeting_id long, group_id long, started_at timestamp, words string"


def read_words(
    spark: SparkSession, url: str, run: Run, now: datetime, *, is_over: Callable[[], bool]
) -> int:
    """Read the minutes of recent meetings whose captions changed; returns how many there were.

    Their words, and the tickets they mean, are stored by minute, and put together by meeting.
    Ends early when `is_over`.
    """
    since = now - RECENT
    around = run(sink.around_groups())

    def one(group_id: int, text: str | None) -> str:
        from vori.analytics.words import NOTHING, read

        return msgspec.json.encode(read(text or "", around.get(group_id, NOTHING))).decode()

    read_one = f.udf(one, "string", useArrow=False)
    count = 0
    while not is_over():
        sql = _CHANGED.format(since=since.isoformat(), limit=MINUTES_AT_ONCE)
        reader = spark.read.format("vori_query").options(url=url, sql=sql, schema=_MINUTES)
        changed = reader.load().repartition(2)
        changed = changed.select(
            "meeting_id",
            "group_id",
            "minute",
            "newest",
            read_one("group_id", "text").alias("read"),
        )
        rows = changed.toArrow().to_pylist()
        run(sink.write_minute_words([_minute_words(row) for row in rows]))
        count += len(rows)
        if len(rows) < MINUTES_AT_ONCE:
            break
    return count


def count_text(
    spark: SparkSession,
    url: str,
    run: Run,
    now: datetime,
    *,
    is_over: Callable[[], bool] = lambda: False,
    anyway: bool = True,
) -> dict[str, float]:
    """Read what changed, then count keywords and topics anew, if any did or `anyway`."""
    minutes = read_words(spark, url, run, now, is_over=is_over)
    told = {"minutesRead": float(minutes)}
    if is_over() or not (minutes or anyway):
        return told
    reader = spark.read.format("vori_query").options(url=url)
    sql = _WORDS_SQL.format(since=(now - RECENT).isoformat())
    frame = reader.options(sql=sql, schema=_WORDS, parts=2).load()
    meetings = sorted(map(_meeting, frame.toArrow().to_pylist()), key=lambda m: m.meeting_id)
    if not meetings:
        return told
    weighed = weigh(spark, meetings)
    keywords = [word for meeting in weighed for word in meeting.keywords()]
    run(sink.write_meeting_words([m.meeting_id for m in weighed], keywords))
    run(sink.write_group_words(list(group_words(weighed, now - WEEK))))
    rising = list(insights_of(weighed, now))
    run(sink.write_insights(rising, at=now, kinds=(InsightKind.RISING_KEYWORD,)))
    topics = list(topics_of(spark, weighed))
    run(sink.write_topics(topics))
    return told | {"meetings": len(meetings), "topics": len(topics), "rising": len(rising)}


def insights_of(meetings: list[Weighed], now: datetime) -> Iterator[Insight]:
    """Words said in more of a group's meetings of the last seven days than of the weeks before."""
    end = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    period = Span(start=end - WEEK, end=end)
    for group, held in _by_group(meetings).items():
        weights: dict[str, float] = defaultdict(float)
        for meeting in held:
            for key, weight in meeting.weights.items():
                weights[key] += weight
        chosen = sorted(weights, key=lambda k: (-weights[k], k))[:KEYWORDS]
        week = [m for m in held if period.start <= m.started_at < end]
        before = [m for m in held if m.started_at < period.start]
        words = [
            insights.WordUse(
                word=max((m.words[key] for m in week if key in m.words), default=(0, key))[1],
                key=key,
                meeting_ids=tuple(m.meeting_id for m in week if key in m.words),
                before=sum(key in m.words for m in before),
            )
            for key in chosen
        ]
        yield from insights.of_words(group, period, words, now=len(week), before=len(before))


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting's words: by key their weight (TF-IDF), count and form."""

    meeting_id: MeetingId
    group_id: GroupId
    started_at: datetime
    weights: dict[str, float]
    words: Words

    def _place(self, key: str) -> tuple[float, int, str]:
        """Where all meetings say the same, as where there is one, by how often."""
        return (-self.weights[key], -self.words[key][0], key)

    def keywords(self) -> list[MeetingWord]:
        best = sorted(self.weights, key=self._place)[:KEYWORDS]
        return [
            MeetingWord(
                meeting_id=self.meeting_id,
                term=self.words[key][1],
                score=self.weights[key],
                count=self.words[key][0],
            )
            for key in {self.words[key][1]: key for key in reversed(best)}.values()
        ]


def weigh(spark: SparkSession, meetings: list[Weighed]) -> list[Weighed]:
    """Give each word of each meeting its TF-IDF among all of them."""
    rows = [Row(place=i, terms=_repeated(m.words)) for i, m in enumerate(meetings)]
    frame = spark.createDataFrame(rows, "place int, terms array<string>")
    counts = CountVectorizer(inputCol="terms", outputCol="counts", minDF=1.0).fit(frame)
    counted = counts.transform(frame)
    weights = IDF(inputCol="counts", outputCol="weights").fit(counted).transform(counted)
    found = {row["place"]: row["weights"] for row in weights.select("place", "weights").collect()}
    return [
        msgspec.structs.replace(
            meeting,
            weights={
                counts.vocabulary[int(i)]: float(value)
                for i, value in zip(found[n].indices, found[n].values, strict=True)
            },
        )
        for n, meeting in enumerate(meetings)
    ]


def group_words(meetings: list[Weighed], since: datetime) -> Iterator[GroupWord]:
    """The words of each group's meetings by their weight in all of them; `count` and `meetings`
    since `since`, `count_before` in the week before that.
    """
    for group, held in _by_group(meetings).items():
        weights: dict[str, float] = defaultdict(float)
        for meeting in held:
            for key, weight in meeting.weights.items():
                weights[key] += weight
        seen: set[str] = set()
        counts = {key: sum(m.words[key][0] for m in held if key in m.words) for key in weights}
        for key in sorted(weights, key=lambda k: (-weights[k], -counts[k], k)):
            said = [m for m in held if key in m.words]
            form = max(said, key=lambda m: (m.words[key][0], -m.meeting_id)).words[key][1]
            if form in seen:
                continue
            seen.add(form)
            now = [m for m in said if m.started_at >= since]
            before = [m for m in said if since - WEEK <= m.started_at < since]
            yield GroupWord(
                group_id=group,
                term=form,
                score=weights[key],
                count=sum(m.words[key][0] for m in now),
                meetings=len(now),
                count_before=sum(m.words[key][0] for m in before),
            )
            if len(seen) == KEYWORDS:
                break


def topics_of(spark: SparkSession, meetings: list[Weighed]) -> Iterator[TopicRow]:
    """Clusters of each group's meetings, named by the words that weigh most in them.

    The same meetings give the same topics: their order, and where clustering starts, are fixed.
    """
    for group, held in _by_group(meetings).items():
        said = [m for m in held if any(m.weights.values())]
        if len(said) < NEEDED:
            continue
        clusters: dict[int, list[Weighed]] = defaultdict(list)
        for place, cluster in _clusters(spark, said):
            clusters[cluster].append(said[place])
        for members in clusters.values():
            weights: dict[str, float] = defaultdict(float)
            forms: dict[str, str] = {}
            for meeting in members:
                for key, weight in meeting.weights.items():
                    weights[key] += weight
                    forms.setdefault(key, meeting.words[key][1])
            best = sorted(weights, key=lambda k: (-weights[k], k))[:TOPIC_WORDS]
            names = tuple(dict.fromkeys(forms[key] for key in best))
            yield TopicRow(
                group_id=group,
                name=" · ".join(names),
                words=names,
                share=len(members) / len(held),
                meeting_ids=tuple(m.meeting_id for m in members),
            )


def _clusters(spark: SparkSession, meetings: list[Weighed]) -> list[tuple[int, int]]:
    from pyspark.ml.linalg import Vectors

    keys = sorted({key for m in meetings for key in m.weights})
    place = {key: i for i, key in enumerate(keys)}
    rows = [
        (n, Vectors.sparse(len(keys), {place[k]: w for k, w in m.weights.items()}))
        for n, m in enumerate(meetings)
    ]
    frame = Normalizer(inputCol="raw", outputCol="features").transform(
        spark.createDataFrame(rows, ["place", "raw"]).coalesce(1)
    )
    k = max(2, min(MOST_TOPICS, len(meetings) // MEETINGS_PER_TOPIC))
    model = KMeans(k=k, seed=SEED, maxIter=20).fit(frame)
    found: DataFrame = model.transform(frame).select("place", "prediction")
    return [(row["place"], row["prediction"]) for row in found.orderBy("place").collect()]


def _minute_words(row: dict[str, Any]) -> MinuteWords:
    words, tickets = msgspec.json.decode(row["read"], type=tuple[Words, tuple[str, ...]])
    return MinuteWords(
        meeting_id=MeetingId(row["meeting_id"]),
        group_id=GroupId(row["group_id"]),
        minute=row["minute"],
        newest=row["newest"],
        words=words,
        tickets=tickets,
    )


def _meeting(row: dict[str, Any]) -> Weighed:
    return Weighed(
        meeting_id=MeetingId(row["meeting_id"]),
        group_id=GroupId(row["group_id"]),
        started_at=row["started_at"].astimezone(UTC),
        weights={},
        words=msgspec.json.decode(row["words"], type=Words),
    )


def _by_group(meetings: list[Weighed]) -> dict[GroupId, list[Weighed]]:
    groups: dict[GroupId, list[Weighed]] = defaultdict(list)
    for meeting in meetings:
        groups[meeting.group_id].append(meeting)
    return groups


def _repeated(words: dict[str, tuple[int, str]]) -> list[str]:
    return [key for key, (count, _) in words.items() for _ in range(count)]


# Captions come in the order of their commits, not of `created_at`: a minute is read once more
# when it was read within ten seconds of its newest caption.
_CHANGED = """
SELECT m.id AS meeting_id, m.group_id, changed.minute::int AS minute, changed.newest,
       (SELECT string_agg(c.text, E'\\n' ORDER BY c.meeting_start_ms, c.id) FROM captions c
        WHERE c.meeting_id = m.id AND c.duplicate_of IS NULL
          AND c.meeting_start_ms >= changed.minute * 60000
          AND c.meeting_start_ms < (changed.minute + 1) * 60000) AS text
FROM (
    SELECT meeting_id, meeting_start_ms / 60000 AS minute, max(created_at) AS newest
    FROM captions
    WHERE created_at > coalesce((SELECT max(newest) - interval '10 minutes'
                                 FROM analytics_minute_words), '{since}'::timestamptz)
    GROUP BY 1, 2
) changed
JOIN meetings m ON m.id = changed.meeting_id AND m.started_at >= '{since}'::timestamptz
LEFT JOIN analytics_minute_words w ON w.meeting_id = m.id AND w.minute = changed.minute
WHERE m.group_id % $2::int = $1::int
  AND (w.meeting_id IS NULL OR w.newest < changed.newest
       OR w.computed_at < changed.newest + interval '10 seconds')
ORDER BY changed.newest LIMIT {limit} / $2::int
"""

_WORDS_SQL = """
SELECT w.meeting_id, w.group_id, m.started_at, w.words::text AS words
FROM analytics_words w JOIN meetings m ON m.id = w.meeting_id
WHERE m.started_at >= '{since}'::timestamptz AND w.group_id % $2::int = $1::int
"""
