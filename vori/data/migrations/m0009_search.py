"""Search over captions and tickets, and how far somebody has read their notices.

PostgreSQL in the box has no pg_trgm and no Korean dictionary. Two letters that stand side by side
are looked up in a GIN index instead, which knows no language (docs/decisions/0015-search.md).
`vori.search.text.fold` is the same as `search_fold`; a test compares them.
"""

from __future__ import annotations

from vori.data.engine import DB

ID = "0009"
VERSION = "1.28"
DESCRIPTION = "search, notices"

SQL = r"""
-- Text as searches compare it: compatible forms as one, no case, signs as blanks, and no blanks
-- within Korean, which speech recognition and people set as they like.
CREATE FUNCTION search_fold(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
COST 500
RETURN trim(regexp_replace(
    regexp_replace(
        lower(normalize(said, NFKC) COLLATE "C"),
        '[\u0001-/:-`{-\u00bf\u2000-\u206f\u2190-\u2bff\u3000-\u303f]+', ' ', 'g'),
    '(?<=[가-힣]) (?=[가-힣])', '', 'g'));

-- Every two letters side by side, and every Korean syllable: words of one syllable are words.
CREATE FUNCTION search_grams(said text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
COST 5000
RETURN (
    SELECT coalesce(array_agg(DISTINCT gram), '{}')
    FROM (
        SELECT unnest(ARRAY[
            letter || lead(letter) OVER (ORDER BY place),
            CASE WHEN letter COLLATE "C" BETWEEN '가' AND '힣' THEN letter END
        ]) AS gram
        FROM unnest(string_to_array(search_fold(said), NULL)) WITH ORDINALITY AS one(letter, place)
    ) AS grams
    WHERE gram IS NOT NULL AND strpos(gram, ' ') = 0
);

CREATE INDEX captions_search ON captions USING gin (search_grams(text));
CREATE INDEX tickets_search ON tickets USING gin
    (search_grams(id || ' ' || title || ' ' || content));

CREATE TABLE notices_read (
    user_id     bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    read_until  timestamptz NOT NULL
);
CREATE INDEX ticket_history_at ON ticket_history (at);
"""


async def forwards() -> None:
    await DB.script(SQL)
