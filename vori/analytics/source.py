"""VORI's database as a source of Spark, without a jar: the outbox as a stream, queries as tables.

Runs in Spark's Python workers; every read opens a connection of its own and closes it. The
stream reads the outbox as every reader does: in the order `(xid, id)`, below the oldest
transaction still open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import asyncpg
import pyarrow as pa
from pyspark.sql.datasource import (
    DataSource,
    DataSourceReader,
    DataSourceStreamReader,
    InputPartition,
)
from pyspark.sql.streaming.datasource import (
    ReadAllAvailable,
    ReadLimit,
    ReadMaxRows,
    SupportsTriggerAvailableNow,
)
from pyspark.sql.types import StructType

T = TypeVar("T")

ROWS_PER_BATCH = 50_000
ROWS_PER_TASK = 10_000
FAR = (2**63 - 1, 2**63 - 1)
"""Behind every event."""

MESSAGES = "topic string, value string, written_at timestamp"


class Range(InputPartition):
    """Outbox rows after `start`, up to and with `end`: (xid, id)."""

    def __init__(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        self.start = start
        self.end = end


class Outbox(DataSource):
    """Format `vori_outbox`; options `url`, `topics` (with commas between), `rowsPerBatch`."""

    @classmethod
    def name(cls) -> str:
        return "vori_outbox"

    def schema(self) -> str:
        return MESSAGES

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:  # noqa: N802
        return OutboxReader(self.options)


class OutboxReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    def __init__(self, options: Mapping[str, str]) -> None:
        self._url = options["url"]
        self._topics = options["topics"].split(",")
        self._rows = int(options.get("rowsPerBatch", ROWS_PER_BATCH))
        self._until = FAR

    def initialOffset(self) -> dict[str, int]:  # noqa: N802
        """Before the oldest event that is still kept."""
        return {"xid": 0, "id": 0}

    def getDefaultReadLimit(self) -> ReadLimit:  # noqa: N802
        return ReadMaxRows(self._rows)

    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802
        """What comes from now on is left for another time."""
        found = self._fetch(_LAST, 0, 0, self._topics, None, *FAR)
        self._until = _pair(found[0]) if found else (0, 0)

    def latestOffset(self, start: dict[str, int], limit: ReadLimit) -> dict[str, int]:  # noqa: N802
        rows = limit.max_rows if isinstance(limit, ReadMaxRows) else None
        if not isinstance(limit, ReadMaxRows | ReadAllAvailable):
            rows = self._rows
        found = self._fetch(_LAST, *_pair(start), self._topics, rows, *self._until)
        return dict(found[0]) if found else start

    def partitions(self, start: dict[str, int], end: dict[str, int]) -> Sequence[Range]:
        """Tasks of equal size, in order."""
        rows = self._fetch(_CUTS, *_pair(start), *_pair(end), self._topics, ROWS_PER_TASK)
        cuts = [_pair(start), *(_pair(row) for row in rows), _pair(end)]
        return [Range(a, b) for a, b in pairwise(cuts) if a != b]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        assert isinstance(partition, Range)
        rows = self._fetch(_READ, *partition.start, *partition.end, self._topics)
        yield pa.RecordBatch.from_arrays(
            [
                pa.array([row["topic"] for row in rows], pa.string()),
                pa.array([row["payload"] for row in rows], pa.string()),
                pa.array([row["created_at"] for row in rows], pa.timestamp("us", tz="UTC")),
            ],
            names=["topic", "value", "written_at"],
        )

    def commit(self, end: dict[str, int]) -> None:
        """Nothing: Spark calls it a batch late; the job keeps the cursor itself."""

    def _fetch(self, sql: str, *arguments: Any) -> list[Any]:
        return run(_fetch(self._url, sql, *(_text(a) for a in arguments)))


def _pair(offset: Mapping[str, int]) -> tuple[int, int]:
    return (offset["xid"], offset["id"])


def _text(argument: Any) -> Any:
    """There is no codec for xid8 in asyncpg: numbers travel as text."""
    return str(argument) if isinstance(argument, int) else argument


async def _fetch(url: str, sql: str, *arguments: Any) -> list[Any]:
    connection = await asyncpg.connect(
        url, timeout=10, server_settings={"application_name": "vori analytics", "timezone": "UTC"}
    )
    try:
        return await connection.fetch(sql, *arguments)  # type: ignore[no-any-return]
    finally:
        await connection.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


_SETTLED = """
FROM outbox
WHERE (outbox.xid, outbox.id) > ($1::text::xid8, $2::text::bigint)
  AND outbox.xid < pg_snapshot_xmin(pg_current_snapshot())
"""

_LAST = f"""
SELECT xid::text::bigint AS xid, id FROM (
    SELECT outbox.xid, outbox.id {_SETTLED} AND topic = ANY ($3::text[])
      AND (outbox.xid, outbox.id) <= ($5::text::xid8, $6::text::bigint)
    ORDER BY outbox.xid, outbox.id LIMIT $4::text::bigint
) AS batch ORDER BY batch.xid DESC, batch.id DESC LIMIT 1
"""  # noqa: S608 - our own text

_BETWEEN = """
FROM outbox
WHERE (outbox.xid, outbox.id) > ($1::text::xid8, $2::text::bigint)
  AND (outbox.xid, outbox.id) <= ($3::text::xid8, $4::text::bigint)
  AND topic = ANY ($5::text[])
"""

_CUTS = f"""
SELECT xid::text::bigint AS xid, id FROM (
    SELECT outbox.xid, outbox.id,
           row_number() OVER (ORDER BY outbox.xid, outbox.id) AS place {_BETWEEN}
) AS batch WHERE place % $6::text::bigint = 0 ORDER BY batch.xid, batch.id
"""  # noqa: S608 - our own text

_READ = f"""
SELECT topic, payload, created_at {_BETWEEN} ORDER BY outbox.xid, outbox.id
"""


class Slice(InputPartition):
    """Rows whose group falls into part `number` of `of`."""

    def __init__(self, number: int, of: int) -> None:
        self.number = number
        self.of = of


class Query(DataSource):
    """Format `vori_query`: rows of a SELECT whose `$1` and `$2` choose a part of the groups
    (`group_id % $2 = $1`), read side by side in `parts`.
    """

    @classmethod
    def name(cls) -> str:
        return "vori_query"

    def schema(self) -> str:
        return self.options["schema"]

    def reader(self, schema: StructType) -> DataSourceReader:
        return QueryReader(self.options, schema)


class QueryReader(DataSourceReader):
    def __init__(self, options: Mapping[str, str], schema: StructType) -> None:
        self._url = options["url"]
        self._sql = options["sql"]
        self._parts = int(options.get("parts", "1"))
        self._columns = schema.names

    def partitions(self) -> Sequence[Slice]:
        return [Slice(number, self._parts) for number in range(self._parts)]

    def read(self, partition: InputPartition) -> Iterator[tuple[Any, ...]]:
        assert isinstance(partition, Slice)
        rows = run(_fetch(self._url, self._sql, partition.number, partition.of))
        return (tuple(row[name] for name in self._columns) for row in rows)
