"""What English predicates tell by their grammar, in words that no list of verbs has."""

from __future__ import annotations

import pytest

from vori.tickets.extract.predicates import Tells, has_rest, is_at_it, tells

DONE = Tells.EVENT | Tells.RESULT


@pytest.mark.parametrize(
    "said",
    [
        "the handrail's up on the ramp",
        "slides are with the board",
        "van two's on four new tyres",
        "all the tulips are in the ground",
        "everyone's mailbox is in the cloud as of midnight",
        "the grease trap's as clean as a whistle",
        "petty cash balances to the penny",
        "the guillotine cuts like butter",
        "the card reader on the gate is taking payments",
        "the church clock's telling the right time again",
        "that gate doesn't make a peep any more",
        "not one clash left in the timetable",
        "lost property cupboard's empty",
        "the domain's ours",
    ],
)
def test_where_or_how_a_thing_is_now_is_a_result(said: str) -> None:
    assert Tells.RESULT in tells(said)
    assert Tells.UNDERWAY not in tells(said)


@pytest.mark.parametrize(
    "said",
    [
        "the lads hoicked a nest out of it",
        "the vet jabbed the ewes on friday",
        "harlow have finally coughed up",
        "the minibus has found a buyer",
        "the council granted the road closure",
        "we shook hands on it and the landlord signed this morning",
        "i ran the stool over to mrs ford",
        "the tuner's been and gone",
        "picked up the suits on the way in",
        "they came on friday",
        "the last stone went on the wall yesterday",
        "the elm road people have got their keys",
    ],
)
def test_a_past_or_perfect_is_an_event_whatever_its_verb(said: str) -> None:
    assert Tells.EVENT in tells(said)


@pytest.mark.parametrize(
    "said",
    [
        "i think the pump might be fixed",
        "it isn't in the post yet",
        "we'll get the roof felted",
        "if the parts are here we can begin",
        "the gate's still dripping",
        "the boiler's on the blink",
        "the plan is on hold",
        "the rota's on my list",
        "he's on holiday",
        "the meeting's on friday",
        "i was wondering about the till",
        "she told me about the lease",
        "nobody's touched the wall",
        "it's important",
    ],
)
def test_doubt_denial_trouble_and_talk_tell_nothing_done(said: str) -> None:
    assert not tells(said) & DONE


@pytest.mark.parametrize(
    "said",
    [
        "i've been wrestling with the timetable all week",
        "i'm knee-deep in the accounts",
        "he's stitching it back up now",
        "we've broken the back of it",
        "they're chipping away at the tiles",
        "i got stuck in last night",
        "the paint's drying",
        "the load test's running",
        "counting the cellar",
        "it's being plastered",
    ],
)
def test_somebody_at_it_or_a_thing_in_the_making_is_under_way(said: str) -> None:
    assert Tells.UNDERWAY in tells(said)


@pytest.mark.parametrize(
    "said",
    [
        "smoke alarms are in five of the eight flats",
        "we've done the first row of caravans",
        "i've got an outline and the first three",
        "half the tulips are in",
        "most of it is off",
        "i'm at panel nine",
        "i've roughed out two versions",
        "we've got the frame of the stand up",
        "got as far as the burgundies",
    ],
)
def test_some_of_it_or_a_first_version_is_a_part(said: str) -> None:
    assert Tells.PART in tells(said)


def test_what_is_left_is_heard() -> None:
    assert has_rest("the ewes in the top field are done, the rest are tomorrow")
    assert not has_rest("the rest is history")


def test_an_idiom_of_being_at_it_is_none_when_denied() -> None:
    assert is_at_it("we're making headway")
    assert not is_at_it("we're not making headway")
