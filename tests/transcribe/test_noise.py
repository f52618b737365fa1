from benchmarks.noise import measure, nobody_speaks


def test_ten_minutes_in_which_nobody_speaks_have_no_words() -> None:
    assert measure(seconds=600)["words"] == 0


def test_the_sound_is_there_and_not_the_same_throughout() -> None:
    loudest = [float(abs(stretch).max()) for stretch in nobody_speaks(120)]
    assert [round(level, 2) for level in loudest[::4]] == [0.01, 0.03, 0.1]
