import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from vori.errors import BadMessage, Busy, Unavailable
from vori.transcribe import schedule
from vori.transcribe.messages import Transcript
from vori.transcribe.pool import Priority, RecogniserPool
from vori.transcribe.recogniser import ModelInfo, OutOfMemory, Window
from vori.transcribe.schedule import Schedule

INFO = ModelInfo(
    name="fake",
    path=Path("fake"),
    is_demo=False,
    languages=("en",),
    device="cpu",
    compute_type="int8",
    max_window_s=30,
)


@pytest.fixture(autouse=True)
def batches_may_take_long(monkeypatch):
    """How many windows a slow machine puts into a batch is not looked at here."""
    monkeypatch.setattr(schedule, "BATCH_S", 3600.0)


def window(name: str, *, is_final: bool = False, seconds: float = 1.0) -> Window:
    samples = np.zeros(round(seconds * 16_000), np.float32)
    return Window(samples=samples, previous_text=name, is_final=is_final)


class Echo:
    """Answers with the window's own name; goes on only while its gate is open."""

    model = INFO

    def __init__(self, *, is_open: bool = True) -> None:
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.batches: list[list[str]] = []
        self.broken: dict[str, Exception] = {}
        if is_open:
            self.gate.set()

    def transcribe(self, windows: Sequence[Window]) -> list[Transcript]:
        names = [w.previous_text for w in windows]
        self.batches.append(names)
        self.entered.release()
        assert self.gate.wait(60)
        for name in names:
            if name in self.broken:
                raise self.broken[name]
        return [Transcript(text=name, language="en") for name in names]

    async def wait_entered(self, times: int = 1) -> None:
        for _ in range(times):
            assert await asyncio.to_thread(self.entered.acquire, timeout=60)


async def submit(pool: RecogniserPool, *windows: Window, **kwargs) -> list[asyncio.Task]:
    tasks = [asyncio.create_task(pool.submit(w, **kwargs)) for w in windows]
    await asyncio.sleep(0)
    return tasks


async def test_a_window_comes_back_as_its_transcript():
    async with RecogniserPool(Echo()) as pool:
        heard = await pool.submit(window("hello"))
        assert heard.text == "hello"
        assert pool.model is INFO


async def test_finals_go_before_partials_and_older_before_newer():
    echo = Echo(is_open=False)
    async with RecogniserPool(echo, batch_size=2) as pool:
        tasks = await submit(pool, window("first"))
        await echo.wait_entered()
        tasks += await submit(pool, window("p1"), window("p2"))
        tasks += await submit(pool, window("file"), priority=Priority.BACKGROUND)
        tasks += await submit(pool, window("p3"))
        tasks += await submit(pool, *(window(f"f{i}", is_final=True) for i in range(3)))
        echo.gate.set()
        await asyncio.gather(*tasks)
    assert echo.batches == [["first"], ["f0", "f1"], ["f2"], ["p1", "p2"], ["p3"], ["file"]]


async def test_idle_workers_share_what_is_due():
    echo = Echo(is_open=False)
    async with RecogniserPool(echo, workers=2, batch_size=4) as pool:
        both = await submit(pool, window("a"), window("b"))
        await echo.wait_entered(2)
        assert sorted(echo.batches) == [["a"], ["b"]]
        assert pool.health().busy_workers == 2
        echo.gate.set()
        await asyncio.gather(*both)


async def test_when_the_queue_is_full_partials_are_refused_and_finals_wait():
    echo = Echo(is_open=False)
    async with RecogniserPool(echo, queue_size=2, batch_size=1) as pool:
        tasks = await submit(pool, window("running"))
        await echo.wait_entered()
        await until(lambda: pool.health().queued == 0)
        tasks += await submit(pool, window("p1"), window("p2"))
        with pytest.raises(Busy) as caught:
            await pool.submit(window("p3"))
        assert caught.value.retry_after_ms > 0
        waiting = await submit(pool, window("f1", is_final=True), window("f2", is_final=True))
        assert pool.health().queued == 2
        files = await submit(pool, window("file"), priority=Priority.BACKGROUND)
        assert pool.health().queued == 3  # files have places of their own
        echo.gate.set()
        heard = await asyncio.gather(*tasks, *waiting, *files)
    assert [t.text for t in heard] == ["running", "p1", "p2", "f1", "f2", "file"]


async def test_a_window_that_fails_spoils_no_other():
    echo = Echo(is_open=False)
    echo.broken = {"bad": ValueError("boom"), "worse": BadMessage("no", code="unknown_language")}
    async with RecogniserPool(echo, batch_size=8) as pool:
        tasks = await submit(pool, window("first"))
        await echo.wait_entered()
        tasks += await submit(pool, window("a"), window("bad"), window("worse"), window("b"))
        echo.gate.set()
        heard = await asyncio.gather(*tasks, return_exceptions=True)
        assert [heard[i].text for i in (0, 1, 4)] == ["first", "a", "b"]
        assert isinstance(heard[2], Unavailable)
        assert heard[2].code == "recogniser_failed"
        assert isinstance(heard[2].__cause__, ValueError)
        assert isinstance(heard[3], BadMessage)
        assert pool.health().failures == 2


async def test_an_engine_that_answers_too_little_fails_rather_than_mixes_up():
    class Short(Echo):
        def transcribe(self, windows):
            return super().transcribe(windows)[1:]

    async with RecogniserPool(Short()) as pool:
        with pytest.raises(Unavailable):
            await pool.submit(window("a"))


async def test_a_hung_worker_is_replaced_and_its_windows_may_come_again():
    hung, healthy = Echo(is_open=False), Echo()
    pool = RecogniserPool(hung, deadline_s=0.02, remake=lambda: healthy)
    async with pool:
        with pytest.raises(Unavailable) as caught:
            await pool.submit(window("a", is_final=True))
        assert caught.value.code == "recogniser_hung"
        pool._deadline_s = 60.0  # a healthy one is no quicker than its machine
        assert (await pool.submit(window("a", is_final=True))).text == "a"
        assert pool.health().restarts == 1
        assert pool.health().workers == 1
        hung.gate.set()  # the old thread wakes, finds itself replaced, and ends
        assert (await pool.submit(window("b"))).text == "b"
    assert hung.batches == [["a"]]


async def test_a_worker_whose_recogniser_cannot_be_remade_shares_the_first():
    echo = Echo(is_open=False)

    def remake() -> Echo:
        echo.gate.set()
        raise MemoryError

    async with RecogniserPool(echo, deadline_s=0.02, remake=remake) as pool:
        with pytest.raises(Unavailable):
            await pool.submit(window("a"))
        pool._deadline_s = 60.0
        assert (await pool.submit(window("b"))).text == "b"


async def test_cancelling_takes_a_window_out_of_the_queue():
    echo = Echo(is_open=False)
    async with RecogniserPool(echo, queue_size=1) as pool:
        [running] = await submit(pool, window("running"))
        await echo.wait_entered()
        await until(lambda: pool.health().queued == 0)
        [dropped] = await submit(pool, window("dropped"))
        dropped.cancel()
        await asyncio.wait([dropped])
        [kept] = await submit(pool, window("kept"))
        echo.gate.set()
        await asyncio.gather(running, kept)
    assert echo.batches == [["running"], ["kept"]]


async def test_closing_fails_what_waits_and_what_waits_for_a_place():
    echo = Echo(is_open=False)
    pool = RecogniserPool(echo, queue_size=1)
    await pool.start()
    tasks = await submit(pool, window("running", is_final=True))
    await echo.wait_entered()
    await until(lambda: pool.health().queued == 0)
    tasks += await submit(pool, *(window(f"f{i}", is_final=True) for i in range(4)))
    closing = asyncio.create_task(pool.close())
    heard = await asyncio.gather(*tasks, return_exceptions=True)
    echo.gate.set()
    await closing
    assert [e.code for e in heard] == ["recogniser_closed"] * 5
    with pytest.raises(Unavailable):
        await pool.submit(window("late"))


async def test_closing_with_time_finishes_the_work():
    echo = Echo(is_open=False)
    pool = RecogniserPool(echo)
    await pool.start()
    tasks = await submit(pool, window("a"))
    await echo.wait_entered()
    tasks += await submit(pool, window("b"))
    closing = asyncio.create_task(pool.close(finish_s=60))
    await asyncio.sleep(0)
    echo.gate.set()
    assert [t.text for t in await asyncio.gather(*tasks)] == ["a", "b"]
    await closing
    await pool.close()


async def test_health_counts_sound_work_and_waiting():
    echo, now = Echo(is_open=False), [100.0]
    async with RecogniserPool(echo, now_s=lambda: now[0]) as pool:
        assert pool.health().real_time_factor == 0
        tasks = await submit(pool, window("a", seconds=2))
        await echo.wait_entered()
        await until(lambda: pool.health().queued == 0)
        tasks += await submit(pool, window("b", seconds=3))
        now[0] += 0.5
        health = pool.health()
        assert (health.queued, health.oldest_ms, health.busy_workers) == (1, 500, 1)
        echo.gate.set()
        await asyncio.gather(*tasks)
        health = pool.health()
        assert (health.decoded_s, health.real_time_factor) == (5.0, 0.1)
        assert (health.queued, health.oldest_ms) == (0, 0)


async def test_many_rooms_all_get_their_own_words():
    async with RecogniserPool(Echo(), workers=3, queue_size=8) as pool:
        windows = [window(str(i), is_final=True) for i in range(500)]
        heard = await asyncio.gather(*(pool.submit(w) for w in windows))
    assert [t.text for t in heard] == [str(i) for i in range(500)]


async def until(condition) -> None:
    """Let the loop turn until a worker's thread has got that far."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)


class Growing:
    """Sound that has grown by the time a worker is free for it."""

    def __init__(self) -> None:
        self.name = "old"

    @property
    def seconds(self) -> float:
        return 1.0

    def window(self) -> Window:
        return window(self.name)


async def test_a_window_is_made_of_the_newest_sound_when_a_worker_is_free():
    echo, growing = Echo(is_open=False), Growing()
    async with RecogniserPool(echo) as pool:
        tasks = await submit(pool, window("first"))
        await echo.wait_entered()
        tasks.append(asyncio.create_task(pool.submit(growing, priority=Priority.PARTIAL)))
        await until(lambda: pool.health().queued == 1)
        growing.name = "new"
        echo.gate.set()
        await asyncio.gather(*tasks)
    assert echo.batches == [["first"], ["new"]]


async def test_a_batch_that_does_not_fit_into_memory_is_split_and_later_ones_are_smaller():
    class Small(Echo):
        def transcribe(self, windows):
            heard = super().transcribe(windows)
            if len(windows) > 2:
                raise OutOfMemory("too much")
            return heard

    echo = Small(is_open=False)
    async with RecogniserPool(echo, batch_size=4) as pool:
        tasks = await submit(pool, window("first"))
        await echo.wait_entered()
        tasks += await submit(pool, *(window(str(i)) for i in range(8)))
        echo.gate.set()
        heard = await asyncio.gather(*tasks)
    assert [t.text for t in heard] == ["first", *(str(i) for i in range(8))]
    assert [len(batch) for batch in echo.batches] == [1, 4, 1, 1, 1, 1, 2, 2]


async def test_a_worker_that_dies_is_replaced():
    class Deadly(Echo):
        def transcribe(self, windows):
            raise SystemExit

    healthy = Echo()
    async with RecogniserPool(Deadly(), remake=lambda: healthy) as pool:
        with pytest.raises(Unavailable):
            await pool.submit(window("a", is_final=True))
        assert (await pool.submit(window("a", is_final=True))).text == "a"
        assert pool.health().restarts == 1


async def test_another_order_of_things_is_kept_to():
    class InTurn(Schedule):
        def take(self, now_s, *, idle, background):
            first = min(self, key=lambda job: job.number, default=None)
            if first is None:
                return []
            self.withdraw(first)
            return [first]

    echo = Echo(is_open=False)
    async with RecogniserPool(echo, schedule=InTurn()) as pool:
        tasks = await submit(pool, window("first"))
        await echo.wait_entered()
        tasks += await submit(pool, window("a"), window("b", is_final=True))
        echo.gate.set()
        await asyncio.gather(*tasks)
    assert echo.batches == [["first"], ["a"], ["b"]]
