"""Dates as people say them, in English and Korean, counted from the meeting's day. Pure.

A weekday is the next such day after the meeting; with "next" (다음 주) it is that day of the
following Monday-to-Sunday week. "This week" is that week's Friday, "end of month" the last
calendar day. A day of the past is no due date and is not found at all.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from msgspec import Struct

from vori.tickets.extract.wordlist import listed


class Day(Struct, frozen=True, kw_only=True):
    """A day that was said: `text[start:end]`. A `limit` says "by then", not only "then"."""

    day: date
    start: int
    end: int
    limit: bool = False


def find_days(text: str, today: date) -> list[Day]:
    """Every day said in `text`, in order, without overlaps; the longest phrase wins."""
    text = text[:MAX_CHARS]
    found = sorted(_candidates(text, today), key=lambda d: (d.start, -(d.end - d.start)))
    kept: list[Day] = []
    for item in sorted(found, key=lambda d: d.start - d.end):
        if all(item.end <= k.start or item.start >= k.end for k in kept):
            kept.append(item)
    return sorted(kept, key=lambda d: d.start)


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
    for i, word in enumerate(listed("zero one two three four five six seven eight nine ten"))
} | {"a": 1, "an": 1, "a couple of": 2, "a couple": 2, "a few": 3}

_WEEKDAY = "|".join(sorted(WEEKDAYS, key=len, reverse=True))
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_ORDINAL = "|".join(sorted(ORDINALS, key=len, reverse=True))
_NUMBER = "|".join(sorted(NUMBERS, key=len, reverse=True)) + r"|\d{1,3}"
_DAY = rf"(?:(?P<num>\d{{1,2}})(?:st|nd|rd|th)?|(?P<ord>{_ORDINAL}))"
_PAST = r"(?<!last )(?<!since )(?<!from )(?<!past )(?<!was )(?<!until last )"
_LIMIT = r"(?P<limit>(?:by|before|until|till|til|due|no later than|not later than)\s+(?:the\s+)?)?"

Make = Callable[[re.Match[str], date], date | None]


def _number(text: str) -> int:
    return int(text) if text.isdigit() else NUMBERS[text]


def _day_number(m: re.Match[str]) -> int:
    return int(m["num"]) if m["num"] else ORDINALS[m["ord"]]


def _ahead(m: re.Match[str], today: date) -> date | None:
    count = _number(m["n"].strip())
    unit = m["unit"]
    days = count * 7 if unit.startswith("week") else count
    return month_end(today, 1) if unit.startswith("month") else today + timedelta(days=days)


def _named_day(m: re.Match[str], today: date) -> date:
    weekday = WEEKDAYS[m["wd"]]
    if (m["which"] or "").startswith(("next", "the following")) or m["nw"]:
        return weekday_of_week(today, weekday, 1)
    if m["week"]:
        return next_weekday(today, weekday) + timedelta(days=7)
    return next_weekday(today, weekday)


def _english(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){_PAST}{_LIMIT}{pattern}(?![\w])", re.IGNORECASE)


ENGLISH: tuple[tuple[re.Pattern[str], Make], ...] = (
    (
        _english(
            r"(?:today|tonight|(?<!already )this (?:morning|afternoon|evening)|"
            r"end of (?:the )?(?:day|shift)|eod|close of (?:play|business)|cob|lunch(?:time)?|noon|midday|"
            r"the end of (?:the )?(?:day|shift|service|session)|(?:i|we) (?:log off|leave|go home|clock off|knock off|head off|head home|shut up shop|close up|lock up)|home time|closing(?: time)?(?= |$|[.,?])|(?<=by )close(?= |$|[.,?]))"
        ),
        lambda m, today: today,
    ),
    (
        re.compile(
            r"(?<![\w-])(?P<limit>by|before) (?:half past )?(?:\d{1,2}(?: ?[ap]m|:\d\d)?|one|two|three|four|five|six|seven|"
            r"eight|nine|ten|eleven|twelve)(?: o'clock| ?[ap]m| thirty| fifteen)?(?=$|[.,?!]| (?:please|so|and|or|if)\b)",
            re.IGNORECASE,
        ),
        lambda m, today: today,
    ),
    (_english(r"(?:the )?day after tomorrow"), lambda m, today: today + timedelta(days=2)),
    (
        _english(r"tomorrow(?:'s)?(?: (?:morning|afternoon|evening|night|lunch(?:time)?))?"),
        lambda m, today: today + timedelta(days=1),
    ),
    (
        _english(
            rf"(?P<week>a week on )?(?P<which>(?:this(?: coming)?|next|the following|coming|on) )?"
            rf"(?P<wd>{_WEEKDAY})(?P<nw> (?:of )?next week| the week after)?"
            r"(?: (?:morning|afternoon|evening|night|lunch(?:time)?|eod))?(?! last week)(?!'s)"
        ),
        _named_day,
    ),
    (
        _english(rf"next week(?:,)? (?:on )?(?P<wd>{_WEEKDAY})"),
        lambda m, today: weekday_of_week(today, WEEKDAYS[m["wd"]], 1),
    ),
    (
        _english(
            r"(?:(?:the )?end of (?:this|the) week|this week|(?:the )?weekend|end of week|eow)"
        ),
        lambda m, today: friday(today),
    ),
    (_english(r"(?<=before )next week"), lambda m, today: friday(today)),
    (
        _english(r"(?:the end of |end of )?next week"),
        lambda m, today: friday(today, 1),
    ),
    (
        _english(
            r"(?:the )?(?:end of (?:the |this )?month|month(?:'s)? end|month-end|month(?:'s| is) out)"
        ),
        lambda m, today: month_end(today),
    ),
    (
        _english(r"(?:the )?(?:end of next month|next month's end)"),
        lambda m, today: month_end(today, 1),
    ),
    (
        _english(rf"(?:the )?end of (?P<mon>{_MONTH})"),
        lambda m, today: _end_of(m["mon"], today),
    ),
    (
        _english(rf"(?:(?P<pre>in|within) )(?P<n>{_NUMBER}) (?P<unit>days?|weeks?)(?:'?s'? time)?"),
        _ahead,
    ),
    (
        _english(rf"(?P<n>{_NUMBER}) (?P<unit>days?|weeks?) from (?:now|today)"),
        _ahead,
    ),
    (_english(r"(?:a|one) week today"), lambda m, today: today + timedelta(days=7)),
    (
        _english(r"(?:a|one) week tomorrow|tomorrow week"),
        lambda m, today: today + timedelta(days=8),
    ),
    (
        _english(rf"(?P<wd>{_WEEKDAY}) week(?!ly)"),
        lambda m, today: next_weekday(today, WEEKDAYS[m["wd"]]) + timedelta(days=7),
    ),
    (
        _english(r"(?:a )?fortnight(?: today| from (?:now|today))"),
        lambda m, today: today + timedelta(days=14),
    ),
    (
        _english(rf"(?:on )?(?:the )?{_DAY}(?: of)? (?P<mon>{_MONTH})"),
        lambda m, today: day_of_year(today, MONTHS[m["mon"].lower()], _day_number(m)),
    ),
    (
        _english(rf"(?:on )?(?P<mon>{_MONTH}) (?:the )?{_DAY}"),
        lambda m, today: day_of_year(today, MONTHS[m["mon"].lower()], _day_number(m)),
    ),
    (
        re.compile(
            rf"(?<!\w)(?P<limit>(?:by|before|until|till|due|for|on) )?(?:the )"
            rf"(?:(?P<num>\d{{1,2}})(?:st|nd|rd|th)|(?P<ord>(?!(?:first|second|third)\b)"
            rf"(?:{_ORDINAL})))(?!\w)(?! (?:floor|time|one|version|of|and|century|round|row|anniversary|birthday|edition|minute|street|avenue|chapter|episode|page|annual|year|week|day|birthday|hole|mile|hour|lap|item|attempt))",
            re.IGNORECASE,
        ),
        lambda m, today: _bare_day(m, today),
    ),
    (
        re.compile(r"(?<!\d)(?P<limit>by )?(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})(?!\d)"),
        lambda m, today: day_of_year(today, int(m["m"]), int(m["d"]), int(m["y"])),
    ),
)


def _bare_day(m: re.Match[str], today: date) -> date | None:
    """The day of a month: "the twenty third" is one, "the fifth" only with a word like "by"."""
    number = _day_number(m)
    return day_of_month(today, number) if m["limit"] or m["num"] or number >= 13 else None


def _end_of(month: str, today: date) -> date:
    number = MONTHS[month.lower()]
    return month_end(today, (number - today.month) % 12)


# ------------------------------------------------------------------ Korean

_DIGITS = {c: i for i, c in enumerate("영일이삼사오육칠팔구")} | {"공": 0, "유": 6, "시": 10}
_DAYS_AHEAD = {"하루": 1, "이틀": 2, "사흘": 3, "나흘": 4, "닷새": 5, "열흘": 10, "보름": 15}
_KO_WEEKDAYS = "월화수목금토일"
_SINO = r"(?:\d{1,3}|[일이삼사오육칠팔구]?십[일이삼사오육칠팔구]?|[일이삼사오육칠팔구])"
_KO_COUNT = {"한": 1, "두": 2, "세": 3, "네": 4, "일": 1, "이": 2, "삼": 3}
_KO_LIMIT = (
    r"(?P<limit>\s*(?:까지|이내|안에|안으로|내로|내에|전까지|전에|중으로|중에는?|까진|까지는|"
    r"(?:오전|오후|아침|저녁|점심|퇴근)(?:\s*전)?(?:까지|에)?))?"
)
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
    return re.compile(_KO_NOT_BEFORE + pattern + _KO_LIMIT)


_WEEK_WORDS = {"이번": 0, "금": 0, "요번": 0, "다음": 1, "담": 1, "차": 1, "다다음": 2}


def _week_number(word: str) -> int:
    return _WEEK_WORDS[word.replace(" ", "")]


KOREAN: tuple[tuple[re.Pattern[str], Make], ...] = (
    (
        _korean(
            r"(?<![가-힣])(?:오늘(?!도)|이따가?(?=\s))(?:\s*(?:하루|저녁|오전|오후|밤|퇴근 ?전|마감 ?전|문 ?닫기 ?전|영업 ?전|개장 ?전|점심 ?전|중))?"
        ),
        lambda m, today: today,
    ),
    (
        _korean(
            r"(?<![가-힣])(?:이따가?|퇴근 ?전|퇴근하기 ?전|점심 ?전|마감 ?전|문 ?닫기 ?전|개장 ?전|영업 ?전|회의 ?끝나고|오후|오전|저녁)(?=까지|에|중으로| 중으로|에는)"
        ),
        lambda m, today: today,
    ),
    (
        _korean(r"(?<![가-힣])(?:내일\s*모레|낼모레|모레)"),
        lambda m, today: today + timedelta(days=2),
    ),
    (_korean(r"(?<![가-힣])글피"), lambda m, today: today + timedelta(days=3)),
    (
        _korean(
            r"(?<![가-힣])(?:내일|낼(?!게|래|까|거|지)|명일)(?:\s*(?:오전|오후|아침|저녁|밤))?(?!\s*모레)"
        ),
        lambda m, today: today + timedelta(days=1),
    ),
    (
        _korean(
            r"(?<![가-힣])(?P<wk>이번|요번|금|다음|담|차|다다음|다 다음)\s*주\s*(?P<wd>[월화수목금토일])(?:요일|욜)"
        ),
        lambda m, today: weekday_of_week(today, _KO_WEEKDAYS.index(m["wd"]), _week_number(m["wk"])),
    ),
    (
        _korean(
            r"(?<![가-힣])(?P<wk>이번|요번|금|다음|담|차|다다음|다 다음)\s*주\s*(?:말(?=까지| 전까지|전))?(?=\s|까지|안|내|중|에|$)"
        ),
        lambda m, today: friday(today, _week_number(m["wk"])),
    ),
    (
        _korean(
            r"(?<![가-힣])(?P<wd>[월화수목금토일])(?:요일|욜)(?:\s*(?:오전|오후|아침|저녁|밤))?"
        ),
        lambda m, today: next_weekday(today, _KO_WEEKDAYS.index(m["wd"])),
    ),
    (
        _korean(r"(?<![가-힣])(?:(?:이번|이|금)\s*달\s*(?:말일?)|월말|말일|이달\s*말)"),
        lambda m, today: month_end(today),
    ),
    (
        _korean(r"(?<![가-힣])이번\s*달(?=까지| 중으로| 중에| 안에| 내로)"),
        lambda m, today: month_end(today),
    ),
    (_korean(r"(?<![가-힣])(?:다음|담)\s*달\s*말일?"), lambda m, today: month_end(today, 1)),
    (
        re.compile(
            r"(?<![가-힣\d])(?:(?P<y>\d{4})년\s*)?(?P<m>\d{1,2}|일|이|삼|사|오|유|육|칠|팔|구|시|십일|십이|십)월\s*"
            rf"(?P<d>{_SINO})\s*일" + _KO_LIMIT
        ),
        lambda m, today: day_of_year(
            today, sino(m["m"]), sino(m["d"]), int(m["y"]) if m["y"] else None
        ),
    ),
    (
        re.compile(
            r"(?<![가-힣\d])(?P<m>\d{1,2}|일|이|삼|사|오|유|육|칠|팔|구|시|십일|십이|십)월\s*말일?"
            + _KO_LIMIT
        ),
        lambda m, today: month_end(today, (sino(m["m"]) - today.month) % 12),
    ),
    (
        re.compile(
            rf"(?<![가-힣\d월]) ?(?P<d>{_SINO})\s*일(?=\s*(?:까지|전까지|안으로|이내|에\b|날|오전|오후|이요|이에요|이면|이죠|인데))"
            + _KO_LIMIT
        ),
        lambda m, today: day_of_month(today, sino(m["d"])),
    ),
    (
        _korean(
            r"(?<![가-힣])(?P<n>하루|이틀|사흘|나흘|닷새|열흘|보름)\s*(?=안|내|뒤|후|이내)(?:뒤|후)?"
        ),
        lambda m, today: today + timedelta(days=_DAYS_AHEAD[m["n"]]),
    ),
    (
        _korean(rf"(?<![가-힣\d])(?P<n>{_SINO})\s*일\s*(?=안|내|뒤|후|이내)(?:뒤|후)?"),
        lambda m, today: today + timedelta(days=sino(m["n"])),
    ),
    (
        _korean(
            r"(?<![가-힣\d])(?:일주일|(?P<n>한|두|세|네|일|이|삼|[1-9])\s*주)\s*(?:일\s*)?(?=안|내|뒤|후|이내)(?:뒤|후)?"
        ),
        lambda m, today: today + timedelta(days=7 * _weeks(m["n"])),
    ),
)


def _weeks(text: str | None) -> int:
    if text is None:
        return 1
    return int(text) if text.isdigit() else _KO_COUNT[text]


def _candidates(text: str, today: date) -> Iterator[Day]:
    for patterns in (ENGLISH, KOREAN):
        for pattern, make in patterns:
            for m in pattern.finditer(text.lower() if patterns is ENGLISH else text):
                day = make(m, today)
                if day is not None and m.end() > m.start():
                    yield Day(day=day, start=m.start(), end=m.end(), limit=bool(m["limit"]))
