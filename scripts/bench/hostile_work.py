"""Hostile statements whose harm is in the work that they ask for: rows without end, memory, time."""

from __future__ import annotations

import random

from hostile_forms import Made, one


def tables(count: int, name: str = "track") -> str:
    """The same table so many times, as `t0`, `t1`, …"""
    return ", ".join(f"{name} t{index}" for index in range(count))


def cross_joins(draw: random.Random, tracks: int) -> Made:
    """The entity with itself, many times."""
    times = draw.choice([2, 3, 4, 8, 24, 60])
    last = f"t{times - 1}"
    joined = "track t0" + "".join(f" cross join track t{index}" for index in range(1, times))
    return draw.choice([
        (f"select count(*) as n from {tables(times)}", one(tracks**times) if tracks**times < 2**63 else None),
        (f"select count(*) as n from {tables(times)} where t0.tokens <> {last}.tokens", None),
        (f"select t0.track_id, {last}.mtld from {tables(times)} where t0.mtld < {last}.mtld", None),
        (f"select sum(t0.mtld * {last}.mtld) as n from {joined}", None),
        (f"select max({last}.lyrics || t0.lyrics) as n from {tables(times, 'tracks')}", None),
    ])


def joins(draw: random.Random, tracks: int) -> Made:
    """Joins whose keys meet in heaps, or in inequalities; subqueries for each row."""
    times = draw.randint(2, 6)
    same = " and ".join(f"t{index}.decade = t{index + 1}.decade" for index in range(times - 1))
    bound = f"{draw.random():.6f}"
    largest = "select max(b.mtld) as m from track b where b.tokens > a.tokens"
    joined = draw.choice([
        f"{tables(times)} where {same}",
        f"track a full outer join track b on a.mtld < b.mtld + {bound}",
        f"track a where a.mtld > (select avg(b.mtld) + {bound} from track b where b.tokens < a.tokens)",
        f"track a where not exists (select 1 from track b where b.mtld > a.mtld * {bound})",
        f"track a, lateral ({largest}) c where c.m > {bound}",
        f"track a natural join track b natural join track c where a.mtld > {bound}",
    ])
    return f"select count(*) as n from {joined}", None


def recursion(draw: random.Random, tracks: int) -> Made:
    """Recursive queries: long, endless, exploding."""
    until = 10 ** draw.randint(2, 9)
    body, chosen, rows = draw.choice([
        (f"select 1 as n union all select n + 1 from r where n < {until}", "count(*)", one(until)),
        (f"select 1 as n union all select n + 1 from r where n < {until}", "max(n)", one(until)),
        (f"select {until} as n union all select n + 1 from r", "max(n)", None),
        (f"select 1 as n union all select r.n + 1 from r, track where r.n < {until}", "sum(n)", None),
        (f"select 'x' as n union all select n || n from r where octet_length(n) < {until}", "max(octet_length(n))", None),
        (f"select {until} as n union all select a.n from r a, r b", "max(n)", None),
        (f"select {until} as n union select n % 7 from r", "count(*)", one(len({until, until % 7}))),
        (f"select {until} as n union select n % 7 from r", "min(n)", one(until % 7)),
    ])
    return f"with recursive r as ({body}) select {chosen} as n from r", rows


def expressions(draw: random.Random, tracks: int) -> Made:
    """Regular expressions and patterns over which other engines despair."""
    text = "a" * draw.choice([30, 3_000, 30_000])
    pattern = draw.choice(["(a+)+$", "(a|a)*$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(a*)*$", "(.*)*$1"])
    times = draw.choice([10, 100, 1_000, 100_000])
    return draw.choice([
        (f"select regexp_like('{text}!', '^{pattern.strip('^$1')}$') as n", one("(.*)*" in pattern)),
        (f"select regexp_replace('{text}', '{pattern}', '{text[:3_000]}', 'g') as n", None),
        (f"select count(*) as n from tracks where regexp_like(lyrics, '{'(x?' * 40}{')*' * 40}y{draw.random()}')", None),
        (f"select regexp_like('{text}', '(a{{1,{times}}}){{1,{times}}}') as n", None),
        (f"select regexp_count(lyrics, '(\\w+\\s+){{{times}}}') as n from tracks", None),
        (f"select '{text}' like '{'%a' * min(times, 1_000)}%b' as n", one(False)),
        (f"select count(*) as n from tracks where lyrics like '{'%e' * min(times, 1_000)}%{draw.random()}'", None),
        (f"select '{text}' similar to '({'a|' * min(times, 1_000)}b)*c' as n", None),
        (f"select regexp_match('a', '{'(' * times}a') as n", True),
    ])


def fillers(draw: random.Random, tracks: int) -> Made:
    """Functions that make gigabytes of a word, which are refused."""
    size = draw.choice([1_000_000_000, 2**31 - 1, 2**31, 2**62])
    return draw.choice([
        (f"select repeat('x', {size}) as n", True),
        (f"select lpad('x', {size}, 'ab') as n", True),
        (f"select rpad(track_id, {size}) as n from track", True),
        (f"select octet_length(repeat(lyrics, {size})) as n from tracks", True),
        (f"select array_repeat(1, {size}) as n", True),
        (f"select list_repeat(array_repeat(1, 1000), {size}) as n", True),
        (f"select array_resize([1], {size}, 0) as n", True),
        (f"select space({size}) as n", True),
    ])


def amplifiers(draw: random.Random, tracks: int) -> Made:
    """Functions that are there, used to make gigabytes."""
    size = draw.choice([1_000, 10_000, 25_000])
    text = "a" * size
    levels = draw.choice([10, 20, 28, 40])
    doubled = "select 'x' as s"
    for _ in range(levels):
        doubled = f"select concat(s, s) as s from ({doubled})"
    grown = "select 'aaaaaaaaaa' as s"
    for _ in range(levels):
        grown = f"select replace(s, 'a', 'aaaaaaaaaa') as s from ({grown})"
    return draw.choice([
        (f"select octet_length(replace('{text}', 'a', '{text}')) as n", one(size * size)),
        (f"select octet_length(regexp_replace('{text}', 'a', '{text}', 'g')) as n", one(size * size)),
        (f"select octet_length(s) as n from ({doubled})", one(2**levels) if levels < 31 else None),
        (f"select octet_length(s) as n from ({grown})", None),
        (f"select levenshtein('{text}', '{text[1:]}{draw.randint(0, 9)}') as n", one(1)),
        (f"select array_to_string(string_to_array('{text}', ''), '{text}') as n", None),
        (f"select octet_length(concat({', '.join(['lyrics'] * size)})) as n from tracks", None),
        (f"select translate('{text}', 'a', '{text}') as n", None),
    ])


def series(draw: random.Random, tracks: int) -> Made:
    """Rows out of nothing: series, which are refused, and lists that are unfolded."""
    size = draw.choice([10**6, 10**9, 2**62])
    items = draw.choice([10, 100, 1_000])
    listed = f"[{', '.join(map(str, range(items)))}]"
    times = draw.randint(1, 5)
    unfolded = ", ".join(f"(select unnest({listed}) as x) u{index}" for index in range(times))
    return draw.choice([
        (f"select * from generate_series(1, {size})", True),
        (f"select count(*) as n from range({size}) a, range({size}) b", True),
        (f"select unnest(range(1, {size})) as n", True),
        ("select unnest(generate_series(timestamp '0001-01-01', timestamp '9999-01-01', interval '1 s')) as n", True),
        (f"select count(*) as n from {unfolded}", one(items**times)),
        (f"select sum(u0.x) as n from {unfolded}", None),
        (f"select count(*) as n from (select unnest([{', '.join([listed] * 5)}]) as l), track", one(5 * tracks)),
        (f"select count(*) as n from (select unnest(string_to_array(lyrics, '')) as l from tracks) a, tracks b", None),
    ])


def collecting(draw: random.Random, tracks: int) -> Made:
    """Everything in one value."""
    times = draw.randint(1, 4)
    last = f"t{times - 1}"
    everything = tables(times, "tracks")
    return draw.choice([
        (f"select octet_length(string_agg(t0.lyrics || {last}.lyrics, '{draw.random()}')) as n from {everything}", None),
        (f"select array_agg({last}.lyrics) as n from {everything}", None),
        (f"select cardinality(array_agg(t0.track_id order by {last}.lyrics)) as n from {everything}", one(tracks**times)),
        (f"select count(distinct t0.lyrics || {last}.lyrics) as n from {everything}", None),
        (f"select median(t0.mtld + {last}.mtld) as n from {tables(times)}", None),
        (f"select t0.lyrics, {last}.lyrics as l, count(*) as n from {everything} group by t0.lyrics, {last}.lyrics", None),
        (f"select array_agg(struct(t0.track_id, {last}.lyrics)) as n from {everything} group by t0.year", None),
    ])


def windows(draw: random.Random, tracks: int) -> Made:
    """Windows over more rows than there are."""
    times = draw.randint(1, 4)
    last = f"t{times - 1}"
    far = draw.choice([1, 10**6, 2**31, 2**62])
    frame = f"rows between {far} preceding and {far} following"
    over = [
        f"row_number() over (order by t0.mtld, {last}.track_id)",
        f"sum(t0.mtld) over (order by {last}.tokens {frame})",
        f"lag(t0.track_id, {far}) over (partition by {last}.decade order by t0.tokens)",
        f"array_agg(t0.track_id) over (order by {last}.track_id)",
        f"ntile({far}) over (order by t0.track_id, {last}.track_id)",
        f"nth_value(t0.mtld, {far}) over (order by {last}.mtld)",
        f"count(distinct t0.track_id) over (order by {last}.tokens {frame})",
    ]
    return f"select max(w) as n from (select {draw.choice(over)} as w from {tables(times)})", None


def sorts(draw: random.Random, tracks: int) -> Made:
    """Sorts of what does not fit, and limits that are none."""
    times = draw.randint(1, 4)
    last = f"t{times - 1}"
    far = draw.choice([0, 10**6, 2**62, 2**64])
    by = draw.choice([
        f"t0.mtld * {last}.mtld",
        f"t0.track_id || {last}.track_id",
        f"md5({last}.track_id || t0.track_id)",
        f"{last}.tokens, t0.mtld",
    ])
    everything = f"select a.lyrics from tracks a, tracks b order by a.lyrics || b.lyrics || '{draw.random()}'"
    return draw.choice([
        (f"select t0.track_id from {tables(times)} order by {by} limit 5 offset {far}", None),
        (f"select t0.track_id from {tables(times)} order by {by} limit {far}", None),
        (f"select distinct t0.track_id, {by.split(', ')[0]} as d from {tables(times)}", None),
        (f"select max(lyrics) as n from ({everything} limit {far})", None),
    ])


COLUMNS = "track_id, decade, tokens, mtld"


def groups(draw: random.Random, tracks: int) -> Made:
    """Every way of grouping, every column, many times."""
    columns = draw.choice([5, 12, 24, 40])
    names = ", ".join(f"tokens % {index + 2}" for index in range(columns))
    wide = ", ".join(f"mtld + {index} as c{index}" for index in range(draw.choice([100, 1_000, 2_500])))
    return draw.choice([
        (f"select count(*) as n from track group by cube({names})", None),
        (f"select count(*) as n from track group by rollup({names})", None),
        (f"select {COLUMNS}, count(*) as n from track group by cube({COLUMNS})", None),
        (f"select count(*) as n from track group by {', '.join([f'cube({COLUMNS})'] * 4)}", None),
        (f"select {wide} from track", None),
        ("select *, * from track", True),
        (f"select a.*, b.* from {tables(2).replace('t0', 'a').replace('t1', 'b')}", True),
        (f"select count(*) as n from track group by {', '.join(['tokens'] * 8_000)}", None),
    ])
