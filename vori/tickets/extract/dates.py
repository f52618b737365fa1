"""Dates as people say them, in English and Korean, counted from the meeting's day. Pure.

A weekday is the next such day after the meeting; with "next" (다음 주) it is that day of the
following Monday-to-Sunday week. "This week" is that week's Friday, "end of month" the last
calendar day. A day of the past is no due date and is not found at all.

What belongs together is one day: an hour and its day ("by close of play Thursday"), a weekday
and its date ("Tuesday the 24th"), a week and its weekday ("next week, say Wednesday").
Which of the days that were said is the one that work is due by is `due`'s question.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vori.tickets.extract.wordlist import listed


class Kind(Enum):
    """How a day was told."""

    DATE = "date"  # "the 24th", "tomorrow", "in two weeks"
    WEEKDAY = "weekday"  # "Wednesday", in no week that was named
    WEEK = "week"  # "next week", "the end of this week"
    HOUR = "hour"  # "by five", "before lunch": the meeting's day unless another is said


class Day(Struct, frozen=True, kw_only=True):
    """A day that was said: `text[start:end]`. A `limit` says "by then", not only "then"."""

    day: date
    start: int
    end: int
    limit: bool = False
    kind: Kind = Kind.DATE


def find_days(text: str, today: date) -> list[Day]:
    """Every day said in `text`, in order, without overlaps; the longest phrase wins."""
    text = text[:MAX_CHARS]
    found = sorted(_candidates(text, today), key=lambda d: (d.start, -(d.end - d.start)))
    kept: list[Day] = []
    for item in sorted(found, key=lambda d: d.start - d.end):
        if all(item.end <= k.start or item.start >= k.end for k in kept):
            kept.append(item)
    return _joined(text, sorted(kept, key=lambda d: d.start), today)


def _joined(text: str, days: list[Day], today: date) -> list[Day]:
    """Days with the hours, dates and weeks that were said of them as one."""
    out: list[Day] = []
    for item in days:
        last = out[-1] if out else None
        one = _as_one(text[last.end : item.start], last, item, today) if last else None
        if one is None:
            out.append(item)
        else:
            out[-1] = one
    named = [d for d in out if d.kind is not Kind.HOUR]
    if not named or len(named) == len(out):
        return out
    limit = any(d.limit for d in out if d.kind is Kind.HOUR)
    return [replace(d, limit=True) if limit and d is named[-1] else d for d in named]


def _as_one(between: str, a: Day, b: Day, today: date) -> Day | None:
    """Both days as one when they tell of the same day, else None."""
    whole = {"start": a.start, "end": b.end, "limit": a.limit or b.limit}
    kinds = {a.kind, b.kind}
    if Kind.HOUR in kinds and len(kinds) == 2 and _JOINT.fullmatch(between):
        other = a if b.kind is Kind.HOUR else b
        return replace(other, **whole)
    if kinds == {Kind.DATE, Kind.WEEKDAY} and _APPOSED.fullmatch(between):
        exact, named = (a, b) if a.kind is Kind.DATE else (b, a)
        return replace(exact, **whole) if exact.day.weekday() == named.day.weekday() else None
    if kinds == {Kind.WEEK, Kind.WEEKDAY} and len(between) <= 24 and _APPOSED.fullmatch(between):
        week, named = (a, b) if a.kind is Kind.WEEK else (b, a)
        monday = week.day - timedelta(days=week.day.weekday())
        day = monday + timedelta(days=named.day.weekday())
        return replace(named, **whole, day=day, kind=Kind.DATE) if day >= today else None
    return None


_JOINT = re.compile(r"[\s,]*(?:(?:on|of|the|at|by|for|in|and|say|this|come)\s+)*")
_APPOSED = re.compile(
    r"[\s,.]*(?:(?:on|of|the|so|say|that's|that is|which is|i mean|it's|by|maybe|probably|like|"
    r"or rather|let's say|before(?=,)|make it|call it|그러니까|그|한|아마|그럼|요|중에?서?|안에|까지|이니까)[\s,.]*)*"
)

MAX_CHARS = 4000
"""A longer clause is no sentence; its end is not looked at."""

# ------------------------------------------------------------------ calendar


def next_weekday(today: date, weekday: int) -> date:
    return today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)


def weekday_of_week(today: date, weekday: int, weeks: int) -> date:
    return today + timedelta(days=weekday - today.weekday() + 7 * weeks)


def friday(today: date, weeks: int = 0) -> date:
    """That week's Friday, or today when the week's Friday is over."""
    return max(today, weekday_of_week(today, 4, weeks))


def month_end(today: date, months: int = 0) -> date:
    month = today.month - 1 + months
    year, month = today.year + month // 12, month % 12 + 1
    return date(year, month, monthrange(year, month)[1])


def day_of_month(today: date, day: int) -> date | None:
    """The next day with that number, today included; None when no month has it."""
    for months in range(3):
        last = month_end(today, months)
        if 1 <= day <= last.day and last.replace(day=day) >= today:
            return last.replace(day=day)
    return None


def day_of_year(today: date, month: int, day: int, year: int | None = None) -> date | None:
    """That date; without a year the nearest one that is not long past."""
    try:
        found = date(year or today.year, month, day)
        if year is None and found < today - timedelta(days=60):
            found = date(today.year + 1, month, day)
    except ValueError:
        return None
    return found if found >= today else None


# ------------------------------------------------------------------ English

WEEKDAYS = {
    name: i
    for i, names in enumerate(
        (
            "monday mon",
            "tuesday tues tue",
            "wednesday wednesdays weds wed",
            "thursday thurs thur thu",
            "friday fri",
            "saturday",
            "sunday",
        )
    )
    for name in names.split()
}
MONTHS = {
    name: i
    for i, names in enumerate(
        (
            "january jan",
            "february feb",
            "march",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_ONES = listed(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
ORDINALS = {word: i for i, word in enumerate(_ONES, start=1)} | {"thirtieth": 30}
ORDINALS |= {f"twenty {w}": 20 + i for i, w in enumerate(_ONES[:9], start=1)}
ORDINALS |= {f"twenty-{w}": 20 + i for i, w in enumerate(_ONES[:9], start=1)}
ORDINALS |= {"thirty first": 31, "thirty-first": 31}
NUMBERS = {
    word: i
    for i, word in enumerate(
        listed(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
            "fifteen sixteen seventeen eighteen nineteen twenty"
        )
    )
} | {"a": 1, "an": 1, "a couple of": 2, "a couple": 2, "a few": 3}

_WEEKDAY = "|".join(sorted(WEEKDAYS, key=len, reverse=True))
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_ORDINAL = "|".join(sorted(ORDINALS, key=len, reverse=True))
_NUMBER = "|".join(sorted(NUMBERS, key=len, reverse=True)) + r"|\d{1,3}"
_DAY = rf"(?:(?P<num>\d{{1,2}})(?:st|nd|rd|th)?|(?P<ord>{_ORDINAL}))"
_PAST = (
    r"(?<!last )(?<!since )(?<!from )(?<!past )(?:(?<!was )|(?<=rather it was )|(?<=if it was ))(?<!until last )(?<!every )(?<!each )"
    r"(?<!every other )(?<!starting )"
)
_BY = (
    r"by|before|due(?: in| on| for| by)?|no later than|not later than|in time for|ahead of|"
    r"(?:got|have|has|gave|give|given|us|me|you|them|him|her) (?:until|till|til)|"
    r"deadline(?:'s| is)?(?: on)?"
)
_LIMIT = rf"(?P<limit>(?:{_BY})\s+(?:or on\s+)?(?:the\s+)?)?"
_LATEST = re.compile(
    r"(?:'s)?,? (?:at the (?:very )?latest|latest|tops|at most|the deadline|or (?:sooner|before|earlier)|"
    r"if not (?:sooner|before|earlier)|deadline)\b"
)
_PART = r"(?: (?:in the )?(?:morning|afternoon|evening|night|lunch(?:time)?|noon|midday|am|pm))?"

_THINGS = (
    r"floor|time|one|version|of|century|round|row|anniversary|birthday|edition|minute|street|avenue|chapter|episode|"
    r"page|annual|year|week|day|hole|mile|hour|lap|item|attempt|thing|batch|draft|half|quarter|person|part|step|two|"
    r"three|pair|set|copy|option|line"
)
"""What an ordinal counts that is no day of a month."""

Make = Callable[[re.Match[str], date], date | None]


def _number(text: str) -> int:
    return int(text) if text.isdigit() else NUMBERS[text]


def _day_number(m: re.Match[str]) -> int:
    return int(m["num"]) if m["num"] else ORDINALS[m["ord"]]


def _ahead(m: re.Match[str], today: date) -> date | None:
    return _later(today, _number(m["n"].strip()), m["unit"])


def _later(today: date, count: int, unit: str) -> date:
    """So many days, weeks or months on."""
    if unit.startswith("month"):
        last = month_end(today, count)
        return last.replace(day=min(today.day, last.day))
    return today + timedelta(days=count * 7 if unit.startswith("week") else count)


def _named_day(m: re.Match[str], today: date) -> date:
    weekday = WEEKDAYS[m["wd"]]
    week = (m["nw"] or "").strip(" ,")
    if week.endswith("after next"):
        return weekday_of_week(today, weekday, 2)
    if week.endswith("this week"):
        return max(today, weekday_of_week(today, weekday, 0))
    if (m["which"] or "").startswith(("next", "the following")) or week:
        return weekday_of_week(today, weekday, 1)
    return next_weekday(today, weekday)


def _in_month(m: re.Match[str], today: date) -> date | None:
    """As in "the third of next month"; None when the month has no such day, or it is over."""
    last = month_end(today, 1 if m["nm"].startswith("next") else 0)
    number = _day_number(m)
    if not 1 <= number <= last.day:
        return None
    found = last.replace(day=number)
    if found < today and not m["nm"].startswith("this"):
        return month_end(today, 1).replace(day=min(number, 28))
    return found if found >= today else None


def _part_of_month(part: str, last: date, today: date, *, named: bool) -> date | None:
    """The first, the 15th or the last of a month; of the next one when that is over."""
    day = {"e": last.day, "m": 15}.get(part[0], 1)
    found = last.replace(day=day)
    if found < today and not named:
        found = month_end(today, 1).replace(day=day)
    return found if found >= today else None


def quarter_end(today: date, quarters: int = 0) -> date:
    return month_end(today, 2 - (today.month - 1) % 3 + 3 * quarters)


def _english(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){_PAST}{_LIMIT}{pattern}(?![\w])")


_HOUR_NUMBER = (
    r"(?:half past |half |quarter past |quarter to )?(?:\d{1,2}(?: ?[ap]m|[:.]\d\d(?: ?[ap]m)?)?|one|two|three|four|"
    r"five|six|seven|eight|nine|ten|eleven|twelve)(?: o'clock| ?[ap]m| thirty| fifteen| sharp)*"
)
_HOURS_SAID: tuple[tuple[re.Pattern[str], Make], ...] = (
    (
        _english(
            r"(?:(?:the )?end of (?:the |this )?(?:day|shift|service|session|play|business|afternoon|morning|evening)|"
            r"eod|(?:the )?close of (?:play|business|day)|cob|lunch(?:time)?|noon|midday|midnight|tea ?time|dinner ?time|"
            r"(?:i|we|you) (?:log off|leave|go home|go|clock off|clock out|knock off|head off|head home|head out|sign off|"
            r"finish up|pack up|shut up shop|close up|lock up)(?= |$|[.,?!])|home time|"
            r"closing(?: time)?(?= |$|[.,?!])|(?<=by )close(?= |$|[.,?!])|this (?:call|meeting) ends)"
        ),
        lambda m, today: today,
    ),
    (
        re.compile(
            rf"(?<![\w-])(?P<limit>by|before) {_HOUR_NUMBER}"
            rf"(?=$|[.,?!]| (?:please|so|and|or|if|at|on|this|next|tomorrow|today|tonight|in the|{_WEEKDAY})\b)"
        ),
        lambda m, today: today,
    ),
    (
        _english(
            rf"(?:within (?:the|an) hour|in the next (?:half )?(?:an )?hour|in (?:half an|an|{_NUMBER}) hours?)"
        ),
        lambda m, today: today,
    ),
    (
        _english(
            r"(?:right |straight |just )?(?:after|once) (?:this(?: (?:call|meeting|session|huddle|stand-?up|chat))?(?= |$|[.,?!])"
            r"(?! (?:week|month|year|season|sprint|round|one|is|has|was|job|release|batch))|"
            r"the (?:call|meeting|huddle|stand-?up)(?! (?:with|on|of|next|tomorrow|about))|"
            r"we(?:'re| are)? (?:finish|done|hang up|break up|wrap up|finished)(?: here)?)"
        ),
        lambda m, today: today,
    ),
    (
        _english(
            r"(?:(?:as soon as|when|once) we(?:'re|'ve| are| have)?(?: just)? (?:finish(?:ed)?|done|hung up|hang up|"
            r"break(?: up)?|wrap(?:ped)? up|stop)(?: here| this (?:call|meeting))?(?=$|[.,?!])|inside the hour|(?<=before )dark)"
        ),
        lambda m, today: today,
    ),
    (
        _english(r"first thing(?! in the morning)(?= (?:on )?(?:the )?[\w]+)"),
        lambda m, today: today,
    ),
)

_WEEKDAYS_SAID: tuple[tuple[re.Pattern[str], Make], ...] = (
    (
        _english(
            rf"(?:(?:this|coming|on|come) )?(?P<wd>{_WEEKDAY})"
            rf"(?: coming)?{_PART}(?! last week)(?! (?:before )?last\b)(?! just gone)"
        ),
        lambda m, today: next_weekday(today, WEEKDAYS[m["wd"]]),
    ),
)

_WEEKS_SAID: tuple[tuple[re.Pattern[str], Make], ...] = (
    (
        _english(
            r"(?:(?:the )?end of (?:this|the) week|(?:later )?this week|end of week|eow|"
            r"(?:the )?week's (?:out|end|over|up)|(?:the )?week is (?:out|over|up))"
        ),
        lambda m, today: friday(today),
    ),
    (
        re.compile(r"(?<![\w-])(?P<limit>(?:by|before|ahead of) )(?:the |this )?weekend(?!\w)"),
        lambda m, today: friday(today),
    ),
    (
        _english(r"(?:(?:this|the|this coming) weekend)"),
        lambda m, today: weekday_of_week(today, 6, 0),
    ),
    (_english(r"(?<=before )next week"), lambda m, today: friday(today)),
    (
        _english(r"(?:the )?(?:end of |later )?next week(?! but)"),
        lambda m, today: friday(today, 1),
    ),
    (
        _english(r"(?:the )?(?:end of )?(?:the )?week after next"),
        lambda m, today: friday(today, 2),
    ),
)

_DATES_SAID: tuple[tuple[re.Pattern[str], Make], ...] = (
    (
        _english(
            r"(?:today|tonight|(?<!already )(?:this|later this) (?:morning|afternoon|evening)|later today)"
        ),
        lambda m, today: today,
    ),
    (_english(r"(?:the )?day after tomorrow"), lambda m, today: today + timedelta(days=2)),
    (
        _english(
            r"(?:tomorrow(?:'s)?(?: (?:morning|afternoon|evening|night|lunch(?:time)?|noon|midday))?|"
            r"first thing in the morning|(?<=by )(?:the )?morning)"
        ),
        lambda m, today: today + timedelta(days=1),
    ),
    (
        _english(
            r"in the morning(?=$|[.,?!]| (?:then|and|so|before|when|if|with|at|first|please|yeah|okay)\b)"
        ),
        lambda m, today: _in_the_morning(m, today),
    ),
    (
        _english(rf"(?:on )?(?:the )?(?:next|following) (?P<wd>{_WEEKDAY}){_PART}"),
        lambda m, today: weekday_of_week(today, WEEKDAYS[m["wd"]], 1),
    ),
    (
        _english(
            rf"(?P<which>(?:this(?: coming)?|on|the) )?(?P<wd>{_WEEKDAY}){_PART}"
            r"(?P<nw>,? (?:of |in )?(?:next|this) week| (?:of )?the (?:week after|following week)(?: next)?| after next)"
        ),
        _named_day,
    ),
    (
        _english(rf"(?:this coming|coming|this) (?P<wd>{_WEEKDAY}){_PART}"),
        lambda m, today: next_weekday(today, WEEKDAYS[m["wd"]]),
    ),
    (
        _english(rf"(?P<w>next week|the week after next),? (?:on )?(?:the )?(?P<wd>{_WEEKDAY})"),
        lambda m, today: weekday_of_week(today, WEEKDAYS[m["wd"]], 1 if m["w"][0] == "n" else 2),
    ),
    (
        _english(
            rf"(?:a|one) week (?:on|from)(?: this)? (?P<wd>{_WEEKDAY})|(?P<wd2>{_WEEKDAY}) week(?!ly)"
        ),
        lambda m, today: next_weekday(today, WEEKDAYS[m["wd"] or m["wd2"]]) + timedelta(days=7),
    ),
    (
        _english(
            rf"(?:a fortnight|two weeks) (?:on|from)(?: this)? (?P<wd>{_WEEKDAY})|(?P<wd2>{_WEEKDAY}) fortnight"
        ),
        lambda m, today: next_weekday(today, WEEKDAYS[m["wd"] or m["wd2"]]) + timedelta(days=14),
    ),
    (
        _english(
            r"(?:the )?(?:start|beginning) of (?P<w>next|the) week(?: after next)?|monday next week"
        ),
        lambda m, today: weekday_of_week(today, 0, 2 if m[0].endswith("after next") else 1),
    ),
    (_english(r"(?:the )?middle of next week"), lambda m, today: weekday_of_week(today, 2, 1)),
    (
        _english(
            r"(?:the )?(?:end of (?:the |this )?month|month(?:'s)? end|month-end|month(?:'s| is) (?:out|over|up))"
        ),
        lambda m, today: month_end(today),
    ),
    (
        _english(r"(?:the )?(?:end of next month|next month's end)|next month(?=$|[.,?!])"),
        lambda m, today: month_end(today, 1),
    ),
    (
        _english(r"(?<=within )(?:the|this) month|this month(?=$|[.,?!])"),
        lambda m, today: month_end(today),
    ),
    (
        _english(
            r"(?:the )?(?P<part>start of|beginning of|mid(?:dle of)?[ -]?)\s?(?P<which>the |this |next )?month"
        ),
        lambda m, today: _part_of_month(
            m["part"],
            month_end(
                today, 1 if (m["which"] or "").startswith("next") or m["part"][0] != "m" else 0
            ),
            today,
            named=False,
        ),
    ),
    (
        _english(
            rf"(?:the )?(?P<part>end of|middle of|mid|start of|beginning of)[ -](?P<mon>{_MONTH})"
        ),
        lambda m, today: _part_of_month(
            m["part"], month_end(today, (MONTHS[m["mon"]] - today.month) % 12), today, named=True
        ),
    ),
    (
        _english(r"(?:the )?(?:end of (?:the|this) quarter|quarter(?:'s|-| )?end|quarter's out)"),
        lambda m, today: quarter_end(today),
    ),
    (
        _english(r"(?:the )?(?:end of (?:the|this) year|year(?:'s|-| )end|year's out)"),
        lambda m, today: date(today.year, 12, 31),
    ),
    (
        _english(r"(?P<eve>christmas(?: eve| day)?|new year's eve)"),
        lambda m, today: (
            date(today.year, 12, {"s": 25, "y": 25}.get(m["eve"][-1], 24) + 7 * ("new" in m["eve"]))
            if m["limit"]
            else None
        ),
    ),
    (
        _english(
            rf"(?:in|within|inside) (?:the next )?(?P<n>{_NUMBER}) (?P<unit>days?|weeks?|months?)(?:'?s'? time|' time)?"
            r"(?! or (?:two|three))"
        ),
        _ahead,
    ),
    (
        _english(rf"(?:over|in|within|inside) the next (?P<n>{_NUMBER}) (?P<unit>days?|weeks?)"),
        _ahead,
    ),
    (
        _english(r"(?:in|within) (?:a|one) (?P<unit>day|week|month) or two"),
        lambda m, today: _later(today, 2, m["unit"]),
    ),
    (_english(r"within the week|inside the week"), lambda m, today: friday(today)),
    (
        _english(
            rf"(?P<n>{_NUMBER}) (?P<unit>days?|weeks?|months?) (?:from (?:now|today)|today|hence)"
        ),
        _ahead,
    ),
    (
        _english(rf"(?P<n>{_NUMBER}) (?P<unit>days?|weeks?) (?:from )?tomorrow|tomorrow week"),
        lambda m, today: (
            _later(today, _number(m["n"] or "one"), m["unit"] or "week") + timedelta(days=1)
        ),
    ),
    (
        _english(
            r"(?:(?:in|within|inside) )?a fortnight(?:'s time| today| from (?:now|today))|(?:in|within|inside) a fortnight"
        ),
        lambda m, today: today + timedelta(days=14),
    ),
    (
        _english(
            rf"(?:on )?(?:the )?{_DAY} (?:of )?(?P<nm>next month|this month|the month)(?! (?:before|after))"
        ),
        _in_month,
    ),
    (
        _english(rf"(?:on )?(?:the )?{_DAY}(?: of)? (?P<mon>{_MONTH})"),
        lambda m, today: day_of_year(today, MONTHS[m["mon"]], _day_number(m)),
    ),
    (
        _english(
            rf"(?:on )?(?P<mon>{_MONTH}) (?:the )?{_DAY}(?! (?:people|percent|per|of them|units|tickets))"
        ),
        lambda m, today: day_of_year(today, MONTHS[m["mon"]], _day_number(m)),
    ),
    (
        re.compile(
            rf"(?<!\w)(?P<limit>(?:by|before|until|till|due|for|on|no later than) )?(?:the )"
            rf"(?:(?P<num>\d{{1,2}})(?:st|nd|rd|th)|(?P<ord>{_ORDINAL}))(?!\w)"
            rf"(?! (?:{_THINGS}))"
        ),
        lambda m, today: _bare_day(m, today),
    ),
    (
        re.compile(
            rf"(?<![\w-])(?<!ty )(?<!hundred and )(?P<limit>(?:by|before) )?(?P<ord>{_ORDINAL})(?![\w-])(?! (?:{_THINGS}))"
        ),
        lambda m, today: _mere_ordinal(m, today),
    ),
    (
        re.compile(r"(?<!\d)(?P<limit>by )?(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})(?!\d)"),
        lambda m, today: day_of_year(today, int(m["m"]), int(m["d"]), int(m["y"])),
    ),
)


def _bare_day(m: re.Match[str], today: date) -> date | None:
    """Tells a day: "the twenty third" is one, "the fifth" only with a word like "by" or "then"."""
    number = _day_number(m)
    suits = _SUITS_AS_DAY.match(m.string, m.end()) is not None
    ends = suits or _ENDS_AS_DAY.match(m.string, m.end()) is not None
    if m["ord"] and number <= 3:  # "by the third", "the third then.", and not "the third floor is"
        then = _THEN_ENDS.match(m.string, m.end()) is not None
        return day_of_month(today, number) if then or (m["limit"] and ends) else None
    is_day = m["limit"] or m["num"] or number >= 13 or suits or _END.match(m.string, m.end())
    return day_of_month(today, number) if is_day else None


def _mere_ordinal(m: re.Match[str], today: date) -> date | None:
    """A day without "the": "twentieth is fine", "by tenth", "say nineteenth"."""
    number = ORDINALS[m["ord"]]
    ends = number >= 13 and _END.match(m.string, m.end()) is not None
    is_day = m["limit"] or ends or _SUITS_AS_DAY.match(m.string, m.end())
    return day_of_month(today, number) if is_day and number > 3 else None


def _in_the_morning(m: re.Match[str], today: date) -> date | None:
    """Of tomorrow, where nothing before it says when: no hour, no day."""
    return None if _TOLD_WHEN.search(m.string, 0, m.start()) else today + timedelta(days=1)


_END = re.compile(r"$|[.,?!]")
_SUITS_AS_DAY = re.compile(
    r" (?:at the latest|latest|then|please|instead|works|suits|okay|ok|yeah|yep)\b"
    r"|(?: is|'s) (?:fine|ok|okay|good|great|perfect|better)\b"
)
"""What follows an ordinal that is a day of the month and not the number of a thing."""
_ENDS_AS_DAY = re.compile(r"$|[.,?!]| (?:at|if|so|and|or)\b")
_THEN_ENDS = re.compile(r" at the latest| (?:then|please|okay|ok)(?=$|[.,?!])| (?:okay|ok) but\b")
_TOLD_WHEN = re.compile(
    rf"(?:\d|o'clock|[ap]m|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|quarter|week|month|night|"
    rf"yesterday|tomorrow|today|early|later|only|always|usually|{_WEEKDAY}|{_ORDINAL}),? $"
)


# ------------------------------------------------------------------ Korean

_DIGITS = {c: i for i, c in enumerate("영일이삼사오육칠팔구")} | {"공": 0, "유": 6, "시": 10}
_DAYS_AHEAD = {
    "하루": 1,
    "하루이틀": 2,
    "하루 이틀": 2,
    "이틀": 2,
    "이삼일": 3,
    "사흘": 3,
    "삼사일": 4,
    "사나흘": 4,
    "나흘": 4,
    "닷새": 5,
    "엿새": 6,
    "이레": 7,
    "여드레": 8,
    "아흐레": 9,
    "열흘": 10,
    "보름": 15,
}
_KO_WEEKDAYS = "월화수목금토일"
_SINO = r"(?:\d{1,3}|[일이삼사오육칠팔구]?십[일이삼사오육칠팔구]?|[일이삼사오육칠팔구])"
_KO_COUNT = {"한": 1, "두": 2, "세": 3, "네": 4, "한두": 2, "일이": 2, "두세": 3} | {
    c: i for i, c in enumerate("일이삼사오육", start=1)
}
_KO_HOURS = (
    "한 두 세 네 다섯 여섯 일곱 여덟 아홉 열 열한 열두 한두 두세 세네".split()  # noqa: SIM905
)
_KO_CLOCK = rf"(?:\d{{1,2}}|{'|'.join(sorted(_KO_HOURS, key=len, reverse=True))})\s*시(?:\s*반|\s*{_SINO}\s*분)?"
_KO_PART = rf"(?:\s*(?:오전|오후|아침|저녁|밤|새벽|점심|낮)(?!\s*{_KO_CLOCK})(?:\s*(?:시간|때))?)?"
_KO_BY = (
    r"까지|까진|이내|안에|안으로|안까지|내로|내에|(?:(?:되|오|가|시작하)기\s*)?전까지|"
    r"[가-힣]{1,5}\s+전(?:까지|에|으로)|(?:(?:되|오|가|시작하)기\s*)?전에|(?:(?:되|오|가|시작하)기\s*)?전으로|중으로|중에는?"
)
_KO_LIMIT = rf"(?P<limit>\s*(?:{_KO_BY}))?"
_KO_NOT_BEFORE = "".join(
    f"(?<!{past})"
    for past in (
        "지난 ",
        "지난",
        "저번 ",
        "저번",
        "지난주 ",
        "지난 주 ",
        "저번 주 ",
        "저번주 ",
        "지난달 ",
        "매주 ",
        "매달 ",
        "매월 ",
    )
)


def sino(text: str) -> int:
    """A number in digits or in Sino-Korean words below 100 (이십오 → 25); 시월 and 유월 too."""
    if text.isdigit():
        return int(text)
    if "십" in text:
        tens, _, ones = text.partition("십")
        return 10 * (_DIGITS[tens] if tens else 1) + (_DIGITS[ones] if ones else 0)
    return _DIGITS[text]


def _korean(pattern: str) -> re.Pattern[str]:
    """From then on ("월요일부터") and again and again ("금요일마다") are no day to be done by."""
    return re.compile(rf"{_KO_NOT_BEFORE}(?<![가-힣]){pattern}(?!\s*부터|마다){_KO_LIMIT}")


_WEEK_WORDS = {
    "이번": 0,
    "금": 0,
    "요번": 0,
    "다음": 1,
    "담": 1,
    "차": 1,
    "내": 1,
    "다다음": 2,
    "다음다음": 2,
    "담담": 2,
}
_KO_WEEK = r"(?P<wk>이번|요번|금|다음\s?다음|다\s?다음|다음|담담|담|차)\s*주"
_KO_MONTH = r"(?P<mw>이번\s*달|요번\s*달|금월|이달|당월|다음\s*달|담\s*달|내달|익월)"
_KO_MONTH_NUMBER = r"(?P<m>\d{1,2}|십일|십이|일|이|삼|사|오|유|육|칠|팔|구|시|십)월"


def _week_number(word: str) -> int:
    return _WEEK_WORDS[word.replace(" ", "")]


def _months(word: str) -> int:
    return 1 if word[0] in "다담내익" else 0


def _day_in_month(m: re.Match[str], today: date) -> date | None:
    last, number = month_end(today, _months(m["mw"])), sino(m["d"])
    if not 1 <= number <= last.day or last.replace(day=number) < today:
        return None
    return last.replace(day=number)


def _korean_part(part: str, last: date, today: date, *, named: bool) -> date | None:
    return _part_of_month({"초": "s", "중": "m", "말": "e"}[part[0]], last, today, named=named)


def _part_of_week(m: re.Match[str], today: date) -> date:
    weekday = 0 if m["part"] == "초" else 2
    return max(today, weekday_of_week(today, weekday, _week_number(m["wk"])))


_KO_HOURS_SAID: tuple[tuple[re.Pattern[str], Make], ...] = (
    (
        re.compile(
            r"(?<![가-힣])(?:이따가?\s*)?(?:오늘\s*)?(?:정오|자정|아침|점심|저녁|오전|오후|밤|새벽|퇴근(?:하기|하시기)?|마감(?:하기)?|"
            r"(?:문|가게|매장)\s*(?:닫기|열기|열기)|개장|개점|폐점|영업(?:\s*시작)?|오픈|집에\s*가기|들어가기|나가기|자기|출근)"
            r"(?:\s*(?:시간|때))?(?:(?P<limit>\s*(?:까지|(?:전|중|안)(?:까지|에|으로)))|에(?!서|게))"
        ),
        lambda m, today: today,
    ),
    (
        re.compile(
            rf"(?<![가-힣\d])(?:오전|오후|아침|저녁|밤|새벽|낮)?\s*{_KO_CLOCK}(?P<limit>\s*(?:까지|까진|전까지|전에|안에|안으로))"
        ),
        lambda m, today: today,
    ),
    (
        re.compile(
            rf"(?<![가-힣\d])(?:(?:한|두|세|\d)\s*시간|{_SINO}\s*분)\s*(?P<limit>안에|내로|이내|뒤에|후에)"
        ),
        lambda m, today: today,
    ),
    (
        re.compile(
            r"(?<![가-힣])(?:이따가?(?=\s|$)|(?:이\s*|오늘\s*|지금\s*)?(?:회의|미팅)\s*(?:끝나고|끝나는\s*대로|끝나자마자|마치고)(?:\s*바로)?)(?P<limit>)"
        ),
        lambda m, today: today,
    ),
)

_KO_WEEKDAYS_SAID: tuple[tuple[re.Pattern[str], Make], ...] = (
    (
        _korean(
            rf"(?:이번\s|오는\s|돌아오는\s|다가오는\s)?(?P<wd>[월화수목금토일])(?:요일|욜){_KO_PART}"
        ),
        lambda m, today: next_weekday(today, _KO_WEEKDAYS.index(m["wd"])),
    ),
)

_KO_WEEKS_SAID: tuple[tuple[re.Pattern[str], Make], ...] = (
    (
        _korean(rf"{_KO_WEEK}(?:\s말)?(?:요(?=\s))?(?=\s|까지|안|내|중|에|로|$)"),
        lambda m, today: friday(today, _week_number(m["wk"])),
    ),
    (
        _korean(rf"{_KO_WEEK}\s*말(?=\s*(?:되기\s*|오기\s*)?전)"),
        lambda m, today: friday(today, _week_number(m["wk"])),
    ),
    (
        _korean(r"(?:이번\s*)?주말(?=\s*(?:되기\s*|오기\s*)?전)"),
        lambda m, today: friday(today),
    ),
    (
        _korean(r"(?:이번\s*)?주말(?=까지|에|\s*중|\s*안|\s*동안|\s*사이)"),
        lambda m, today: weekday_of_week(today, 6, 0),
    ),
    (
        _korean(r"(?:다음\s*주|다음|담\s*주|담)\s*주말(?=까지|에|\s*중|\s*안|\s*동안)"),
        lambda m, today: weekday_of_week(today, 6, 1),
    ),
    (_korean(r"주(?:\s*안에|중에|\s*내로)"), lambda m, today: friday(today)),
    (_korean(r"내주(?=\s*중|까지)"), lambda m, today: friday(today, 1)),
)

_KO_DATES_SAID: tuple[tuple[re.Pattern[str], Make], ...] = (
    (
        _korean(rf"(?:오늘(?!도|내일| 내일)|금일)(?:\s*하루)?{_KO_PART}(?:\s*중(?!으로|에))?"),
        lambda m, today: today,
    ),
    (_korean(r"오늘\s*내일"), lambda m, today: today + timedelta(days=1)),
    (_korean(r"(?:내일\s*모레|낼\s*모레|모레)"), lambda m, today: today + timedelta(days=2)),
    (_korean(r"글피"), lambda m, today: today + timedelta(days=3)),
    (_korean(r"그글피"), lambda m, today: today + timedelta(days=4)),
    (
        _korean(rf"(?:내일|낼(?!게|래|까|거|지|\s*(?:게|거|수))|명일|익일)(?!\s*모레){_KO_PART}"),
        lambda m, today: today + timedelta(days=1),
    ),
    (
        _korean(rf"{_KO_WEEK}\s*(?P<wd>[월화수목금토일])(?:요일|욜){_KO_PART}"),
        lambda m, today: weekday_of_week(today, _KO_WEEKDAYS.index(m["wd"]), _week_number(m["wk"])),
    ),
    (
        _korean(rf"내주\s*(?P<wd>[월화수목금토일])(?:요일|욜){_KO_PART}"),
        lambda m, today: weekday_of_week(today, _KO_WEEKDAYS.index(m["wd"]), 1),
    ),
    (_korean(rf"{_KO_WEEK}\s*(?P<part>초|중반)"), _part_of_week),
    (
        _korean(
            r"(?:(?:이번|요번|이|금|당)\s*달\s*(?:말일?|안(?=에|으로)|내(?=로|에)|중(?=으로|에)|(?=까지))|월말|말일|당월\s*말|달\s*말)"
        ),
        lambda m, today: month_end(today),
    ),
    (
        _korean(
            r"(?:(?:다음|담)\s*달|내달|익월)\s*(?:말일?|안(?=에|으로)|내(?=로)|중(?=으로|에)|(?=까지))"
        ),
        lambda m, today: month_end(today, 1),
    ),
    (
        _korean(rf"{_KO_MONTH}\s*(?P<part>초|중순)"),
        lambda m, today: _korean_part(
            m["part"], month_end(today, _months(m["mw"])), today, named=False
        ),
    ),
    (
        _korean(r"(?:월\s*)?중순(?=까지|에|\s|$)"),
        lambda m, today: _korean_part("중", month_end(today), today, named=False),
    ),
    (
        _korean(r"월초(?=까지|에|\s|$)"),
        lambda m, today: month_end(today) + timedelta(days=1),
    ),
    (_korean(rf"{_KO_MONTH}\s*(?P<d>{_SINO})\s*일"), _day_in_month),
    (
        _korean(r"(?:연말|올해\s*말|올해(?=\s*안|까지|\s*내)|연내)"),
        lambda m, today: date(today.year, 12, 31),
    ),
    (_korean(r"(?:이번\s*)?분기\s*(?:말|안|내)"), lambda m, today: quarter_end(today)),
    (_korean(r"다음\s*분기\s*(?:말|안|내)"), lambda m, today: quarter_end(today, 1)),
    (
        _korean(r"(?:크리스마스|성탄절)(?=\s*(?:이브)?\s*(?:까지|전))"),
        lambda m, today: date(today.year, 12, 25),
    ),
    (
        re.compile(
            rf"(?<![가-힣\d])(?:(?P<y>\d{{4}})년\s*)?{_KO_MONTH_NUMBER}\s*(?P<d>{_SINO})\s*일(?!\s*부터)(?:\s*[월화수목금토일]요일)?"
            + _KO_PART
            + _KO_LIMIT
        ),
        lambda m, today: day_of_year(
            today, sino(m["m"]), sino(m["d"]), int(m["y"]) if m["y"] else None
        ),
    ),
    (
        re.compile(rf"(?<![가-힣\d]){_KO_MONTH_NUMBER}\s*(?P<part>초|중순|말)일?" + _KO_LIMIT),
        lambda m, today: _korean_part(
            m["part"], month_end(today, (sino(m["m"]) - today.month) % 12), today, named=True
        ),
    ),
    (
        re.compile(
            rf"(?<![가-힣\d월]) ?(?P<d>{_SINO})\s*일(?=\s*(?:까지|까진|전까지|안으로|이내|에\b|날|오전|오후|아침|저녁|밤|이요|이에요|이면|이죠|인데|쯤|경))"
            + _KO_PART
            + _KO_LIMIT
        ),
        lambda m, today: day_of_month(today, sino(m["d"])),
    ),
    (
        re.compile(
            r"(?<![가-힣\d월]) ?(?P<d>[12]\d|3[01]|[일이삼]?십[일이삼사오육칠팔구]?)\s*일"
            r"(?=로\s*(?:하|가[시죠요면겠]|잡|미[루뤄룰]|정[하해]|바[꾸꿔꿀]|옮|당[기겨길]|변경|맞|조정|연기|생각)|로요|로$|은\s|이\s|이고|이라|\s*전에|\s*[월화수목금토일]요일|$|[.,?])(?:\s*[월화수목금토일]요일)?"
            + _KO_PART
            + _KO_LIMIT
        ),
        lambda m, today: day_of_month(today, sino(m["d"])),
    ),
    (
        _korean(
            rf"(?P<n>{'|'.join(sorted(_DAYS_AHEAD, key=len, reverse=True))})\s*(?=안|내|뒤|후|이내|만\s*(?:더\s*)?주)(?:뒤|후)?"
        ),
        lambda m, today: today + timedelta(days=_DAYS_AHEAD[m["n"]]),
    ),
    (
        _korean(rf"(?<!\d)(?P<n>{_SINO})\s*일\s*(?=안|내|뒤|후|이내)(?:뒤|후)?"),
        lambda m, today: today + timedelta(days=sino(m["n"])),
    ),
    (
        _korean(
            r"(?<!\d)(?:일주일|(?P<n>한두|두세|일이|한|두|세|네|일|이|삼|[1-9])\s*주)\s*(?:일\s*)?(?=안|내로|내에|뒤|후|이내)(?:뒤|후)?"
        ),
        lambda m, today: today + timedelta(days=7 * _count(m["n"])),
    ),
    (
        _korean(
            r"(?<!\d)(?P<n>한두|한|두|세|[1-6])\s*(?:달|개월)\s*(?=안|내로|내에|뒤|후|이내)(?:뒤|후)?"
        ),
        lambda m, today: _later(today, _count(m["n"]), "months"),
    ),
)


def _count(text: str | None) -> int:
    if text is None:
        return 1
    return int(text) if text.isdigit() else _KO_COUNT[text]


ENGLISH = (
    (Kind.HOUR, _HOURS_SAID),
    (Kind.WEEKDAY, _WEEKDAYS_SAID),
    (Kind.WEEK, _WEEKS_SAID),
    (Kind.DATE, _DATES_SAID),
)
KOREAN = (
    (Kind.HOUR, _KO_HOURS_SAID),
    (Kind.WEEKDAY, _KO_WEEKDAYS_SAID),
    (Kind.WEEK, _KO_WEEKS_SAID),
    (Kind.DATE, _KO_DATES_SAID),
)
_LATIN = re.compile(
    r"day|week|month|year|quarter|tomorrow|tonight|fortnight|christmas|morning|afternoon|evening|lunch|noon|mid|night|"
    r"time|hour|first thing|closing|\bby\b|before|after|once|when we|as soon as we|due|deadline|\be(?:od|ow)|\bcob|close|end of|start of|beginning|"
    r"\b(?:mon|tues?|weds?|thur?s?|fri)\b|st\b|nd\b|rd\b|th\b|\d|"
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
)
"""Without any of these no day is said in English."""
_HANGUL = re.compile(r"[가-힣]")


def _is_limit(said: str | None) -> bool:
    return (
        bool(said) and said is not None and not said.startswith(("on ", "for ", "until ", "till "))
    )


def _candidates(text: str, today: date) -> Iterator[Day]:
    text = text.lower()
    for script, said in ((_LATIN, ENGLISH), (_HANGUL, KOREAN)):
        if not script.search(text):
            continue
        for kind, patterns in said:
            for pattern, make in patterns:
                for m in pattern.finditer(text):
                    day = make(m, today)
                    if day is None or m.end() == m.start():
                        continue
                    latest = _LATEST.match(text, m.end()) if script is _LATIN else None
                    yield Day(
                        day=day,
                        start=m.start(),
                        end=latest.end() if latest else m.end(),
                        limit=_is_limit(m["limit"]) or latest is not None,
                        kind=kind,
                    )
