"""Keywords of meetings and groups by TF-IDF, and topics of a group's meetings by clustering."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import IDF, CountVectorizer, Normalizer
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as f

from vori.analytics import sink
from vori.analytics.sample import NEEDED
from vori.analytics.sink import GroupWord, MeetingWord, TopicRow
from vori.data.engine import DB
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

_UNREAD = "meeting_id long, group_id long, captions int, text string"
_WORDS = "meeting_id long, group_id long, started_at timestamp, words string"


def count_text(spark: SparkSession, url: str, run: Run, now: datetime) -> dict[str, float]:
    """Read the meetings whose captions changed, then count keywords and topics anew, if any did."""
    reader = spark.read.format("vori_query").options(url=url)
    unread = reader.options(sql=_UNREAD_SQL, schema=_UNREAD, parts=2).load()
    words = f.udf(_count, "string", useArrow=False)(f.col("text")).alias("words")
    counted = unread.select("meeting_id", "captions", words).toArrow().to_pylist()
    if not counted:
        return {"meetingsRead": 0}
    run(_store(counted))
    since = (now - RECENT).isoformat()
    sql = _WORDS_SQL.replace("{since}", since)
    frame = reader.options(sql=sql, schema=_WORDS, parts=1).load()
    meetings = [_meeting(row) for row in frame.orderBy("meeting_id").collect()]
    if not meetings:
        return {"meetingsRead": len(counted)}
    weighed = weigh(spark, meetings)
    keywords = [word for meeting in weighed for word in meeting.keywords()]
    run(sink.write_meeting_words([m.meeting_id for m in weighed], keywords))
    run(sink.write_group_words(list(group_words(weighed, now - WEEK))))
    topics = list(topics_of(spark, weighed))
    run(sink.write_topics(topics))
    return {"meetingsRead": len(counted), "topics": len(topics)}


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting's words: by key their weight (TF-IDF), count and form."""

    meeting_id: MeetingId
    group_id: GroupId
    started_at: datetime
    weights: dict[str, float]
    words: dict[str, tuple[int, str]]

    def keywords(self) -> list[MeetingWord]:
        best = sorted(self.weights, key=lambda key: (-self.weights[key], key))[:KEYWORDS]
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
        for key in sorted(weights, key=lambda k: (-weights[k], k)):
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


def _count(text: str) -> str:
    """In Spark's Python workers: what was said, to its words as JSON."""
    from vori.analytics.words import words_of

    return msgspec.json.encode(words_of(text)).decode()


async def _store(counted: list[dict[str, Any]]) -> None:
    for row in counted:
        await DB.fetch(_STORE, row["meeting_id"], row["captions"], row["words"])


def _meeting(row: Row) -> Weighed:
    from datetime import UTC

    return Weighed(
        meeting_id=MeetingId(row["meeting_id"]),
        group_id=GroupId(row["group_id"]),
        started_at=row["started_at"].replace(tzinfo=UTC),
        weights={},
        words=msgspec.json.decode(row["words"], type=dict[str, tuple[int, str]]),
    )


def _by_group(meetings: list[Weighed]) -> dict[GroupId, list[Weighed]]:
    groups: dict[GroupId, list[Weighed]] = defaultdict(list)
    for meeting in meetings:
        groups[meeting.group_id].append(meeting)
    return groups


def _repeated(words: dict[str, tuple[int, str]]) -> list[str]:
    return [key for key, (count, _) in words.items() for _ in range(count)]


# A recording put into words again may have as many captions as before: their newest tells.
_UNREAD_SQL = """
SELECT c.meeting_id, c.group_id, c.captions, c.text FROM (
    SELECT meeting_id, min(group_id) AS group_id, count(*)::int AS captions,
           max(created_at) AS newest, string_agg(text, E'\\n' ORDER BY meeting_start_ms, id) AS text
    FROM captions WHERE duplicate_of IS NULL AND group_id % $2::int = $1::int GROUP BY meeting_id
) c LEFT JOIN analytics_words w ON w.meeting_id = c.meeting_id
WHERE w.meeting_id IS NULL OR w.captions <> c.captions OR w.computed_at < c.newest
"""

_WORDS_SQL = """
SELECT w.meeting_id, w.group_id, m.started_at, w.words::text AS words
FROM analytics_words w JOIN meetings m ON m.id = w.meeting_id
WHERE m.started_at >= '{since}'::timestamptz AND w.group_id % $2::int = $1::int
"""

_STORE = """
INSERT INTO analytics_words (meeting_id, group_id, captions, words)
SELECT id, group_id, $2::int, $3::jsonb FROM meetings WHERE id = $1
ON CONFLICT (meeting_id) DO UPDATE SET captions = excluded.captions, words = excluded.words,
    computed_at = now()
"""
