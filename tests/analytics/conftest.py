"""One Spark for all tests of a run: starting it takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    from vori.analytics.submit import find_java
    from vori.errors import Unavailable

    try:
        find_java()
    except Unavailable as exc:
        pytest.skip(exc.message)
    from vori.analytics.job import session
    from vori.analytics.plan import Plan

    options = {"spark.sql.shuffle.partitions": "2", "spark.log.level": "ERROR"}
    spark = session(Plan(database_url="", checkpoint="", master="local[2]", options=options))
    yield spark
    spark.stop()
