import numpy as np

from vori.transcribe.recogniser import Window
from vori.transcribe.schedule import Fixed, Job, Priority, Schedule


def job(number: int, priority: Priority, *, seconds: float = 1.0, since_s: float = 0.0) -> Job:
    window = Window(samples=np.zeros(round(seconds * 16_000), np.float32))
    return Job(Fixed(window), priority, number, queued_s=since_s, since_s=since_s)


def taken(schedule: Schedule[Job], now_s: float = 0.0, *, idle: int = 1, background: int = 0):
    return [one.number for one in schedule.take(now_s, idle=idle, background=background)]


def test_finals_go_first_and_then_the_sound_that_waited_longest():
    schedule: Schedule[Job] = Schedule(batch_size=1)
    schedule.put(job(1, Priority.BACKGROUND, since_s=0))
    schedule.put(job(2, Priority.PARTIAL, since_s=3))
    schedule.put(job(3, Priority.PARTIAL, since_s=1))
    schedule.put(job(4, Priority.FINAL, since_s=5))
    assert [taken(schedule, 6) for _ in range(4)] == [[4], [3], [2], [1]]


def test_short_windows_do_not_wait_for_long_ones():
    schedule: Schedule[Job] = Schedule(batch_size=4, sizes_s=(2, 5, 30))
    for number, seconds in enumerate((1.0, 20.0, 2.0, 4.0, 1.5)):
        schedule.put(job(number, Priority.PARTIAL, seconds=seconds))
    assert [taken(schedule) for _ in range(4)] == [[0, 2, 4], [1], [3], []]


def test_idle_workers_share_what_is_due():
    schedule: Schedule[Job] = Schedule(batch_size=4)
    for number in range(5):
        schedule.put(job(number, Priority.PARTIAL))
    assert taken(schedule, idle=2) == [0, 1, 2]
    assert taken(schedule, idle=1) == [3, 4]


def test_while_rooms_are_live_files_leave_them_a_worker():
    schedule: Schedule[Job] = Schedule(batch_size=4)
    schedule.put(job(0, Priority.PARTIAL))
    for number in range(1, 9):
        schedule.put(job(number, Priority.BACKGROUND))
    assert taken(schedule, 0, idle=2) == [0]
    assert taken(schedule, 1, idle=1) == [1]  # one window at a time
    assert taken(schedule, 1, idle=1, background=1) == []
    assert taken(schedule, 60, idle=1, background=1) == [2, 3, 4, 5]


def test_rooms_ask_less_often_while_partials_wait_and_as_often_as_before_when_they_do_not():
    schedule: Schedule[Job] = Schedule(batch_size=1)
    assert schedule.interval_s(0.5, 3.0) == 0.5
    for number in range(40):
        schedule.put(job(number, Priority.PARTIAL, since_s=number))
        schedule.take(number + 0.5, idle=1, background=0)
    assert 0.7 < schedule.interval_s(0.5, 3.0) < 0.8
    for number in range(40):
        schedule.put(job(number, Priority.PARTIAL, since_s=number))
        schedule.take(number + 10, idle=1, background=0)
    assert schedule.interval_s(0.5, 3.0) == 3.0
    for number in range(40):
        schedule.put(job(number, Priority.PARTIAL, since_s=number))
        schedule.take(number, idle=1, background=0)
    assert schedule.interval_s(0.5, 3.0) < 0.55


def test_what_is_withdrawn_is_not_taken():
    schedule: Schedule[Job] = Schedule()
    one = job(1, Priority.PARTIAL)
    schedule.put(one)
    assert schedule.withdraw(one)
    assert not schedule.withdraw(one)
    assert taken(schedule) == []


def test_batches_are_so_small_that_live_windows_are_not_late():
    schedule: Schedule[Job] = Schedule(batch_size=16, sizes_s=(10, 30))
    for number in range(40):
        schedule.put(job(number, Priority.PARTIAL))
    assert len(taken(schedule)) == 4, "before it is known how long a window takes"
    for _ in range(30):
        schedule.took(1.0, 4, 0.4)
        schedule.took(20.0, 1, 5.0)
    assert len(taken(schedule)) == 3
    for _ in range(30):
        schedule.took(1.0, 2, 1.6)
    assert len(taken(schedule)) == 1
    for _ in range(30):
        schedule.took(1.0, 4, 0.02)
    assert len(taken(schedule)) == 16


def test_files_have_longer_batches_where_nobody_is_live():
    schedule: Schedule[Job] = Schedule(batch_size=16)
    for number in range(40):
        schedule.put(job(number, Priority.BACKGROUND))
    for _ in range(30):
        schedule.took(1.0, 4, 0.8)
    assert len(taken(schedule, 60)) == 10


def test_batches_grow_where_windows_wait_for_long_anyway():
    schedule: Schedule[Job] = Schedule(batch_size=16)
    for _ in range(30):
        schedule.took(1.0, 4, 0.8)
    for number in range(40):
        schedule.put(job(number, Priority.FINAL))
    assert len(taken(schedule, 0)) == 1
    for _ in range(20):
        schedule.take(4.0, idle=1, background=0)
    for number in range(40):
        schedule.put(job(number, Priority.FINAL))
    assert 8 <= len(taken(schedule, 4.0)) <= 10
