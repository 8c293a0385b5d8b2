"""Hostile statements whose harm is in their values: numbers, moments, lists at the edge, and what analyzers are given."""

from __future__ import annotations

import random

from hostile_forms import Made, one

LEAST, MOST = -(2**63), 2**63 - 1
NINES = "9" * 38
EDGES = (0, 1, -1, 2**31 - 1, -(2**31), 2**31, LEAST, MOST, 2**64 - 1)
NUMBERS = (
    "{a} + {b}",
    "{a} - {b}",
    "{a} * {b}",
    "{a} / {b}",
    "{a} % {b}",
    "-({a})",
    "abs({a})",
    "power({a}, {b})",
    "factorial({a})",
    "gcd({a}, {b})",
    "lcm({a}, {b})",
    "round({a}.5, {b})",
    "trunc(1.5, {a})",
    "log({a}, {b})",
    "sqrt({a})",
    "{a} << {b}",
    "{a} >> {b}",
    "cast({a} as smallint)",
    "cast({a} as decimal(38, 38))",
    "cast('{a}' as int)",
    "cast(1e308 * {a} as bigint)",
    "cast({a} as real) * 1e308",
    "to_hex({a})",
    "chr({a})",
    "cast({nines} as decimal(38, 0)) * {a}",
    "cast({nines} as decimal(38, 0)) + cast({nines} as decimal(38, 0))",
    "cast(0.{nines} as decimal(38, 38)) / {a}",
    "arrow_cast({a}, 'Decimal256(76, 76)')",
    "arrow_cast({a}, 'Dictionary(Int8, Int64)')",
    "arrow_cast({a}, 'FixedSizeList(2147483647, Int64)')",
    "arrow_cast('x', 'FixedSizeBinary({a})')",
    "sum({a}) over ()",
)
TEXTS = (
    "substr('añb', {a}, {b})",
    "left('añb', {a})",
    "right('añb', {a})",
    "split_part('a,b', ',', {a})",
    "substr_index('a.b.c', '.', {a})",
    "overlay('añb' placing 'x' from {a} for {b})",
    "strpos('añb', chr({a}))",
    "find_in_set('', '')",
    "initcap(chr({a}) || 'ß')",
    "encode(chr({a}), 'hex')",
    "decode('{a}', 'hex')",
    "decode('====', 'base64')",
    "digest('x', 'nope')",
    "translate('añb', 'ñ', '')",
    "regexp_instr('añb', '', {a}, {b})",
    "regexp_count('añb', '', {a})",
    "regexp_replace('añb', '(ñ)', '\\\\{a}')",
    "to_char({a}, '%')",
    "to_char(date '2020-01-01', '%{a}Q%!')",
    "concat_ws(null, {a}, null)",
)
TIMES = (
    "to_timestamp({a})",
    "to_timestamp_nanos({a})",
    "to_timestamp_millis({a})",
    "to_timestamp('{a}-01-01')",
    "to_timestamp('x', '%', '%Q', '{a}')",
    "from_unixtime({a})",
    "make_date({a}, {b}, 1)",
    "make_time({a}, {b}, 1)",
    "date '9999-12-31' + interval '{a} years'",
    "date '0001-01-01' - interval '{a} days'",
    "timestamp '1677-09-21T00:00:00' - interval '{a} nanoseconds'",
    "interval '{a} months' * {b}",
    "date_bin(interval '{a} nanoseconds', timestamp '2020-01-01T00:00:00')",
    "date_bin(interval '0 days', to_timestamp({a}))",
    "date_trunc('century', to_timestamp_nanos({a}))",
    "date_trunc('nope', to_timestamp({a}))",
    "date_part('epoch', to_timestamp_nanos({a}))",
    "to_unixtime('{a}')",
    "to_local_time(to_timestamp({a}) at time zone 'Nowhere/None')",
    "cast({a} as timestamp) at time zone '+99:99'",
    "to_date('{a}', '%Y')",
    "arrow_cast({a}, 'Timestamp(Second, Some(\"x\"))')",
)
LISTS = (
    "array_element([1, 2], {a})",
    "array_slice([1, 2], {a}, {b})",
    "array_slice([1, 2], {a}, {b}, 0)",
    "[1, 2][{a}:{b}]",
    "array_remove_n([1, 1], 1, {a})",
    "array_replace_n([1, 1], 1, 2, {a})",
    "array_position([1, 1], 1, {a})",
    "array_length([[1]], {a})",
    "flatten([[[[{a}]]]])",
    "array_concat([[1]], [{a}])",
    "array_union([null], [{a}])",
    "array_except([], [])",
    "array_sort([{a}, null], 'nope', 'never')",
    "array_max([]) + {a}",
    "array_distance([1.0], [1.0, 2.0])",
    "cosine_distance([], [])",
    "inner_product([1, null], [{a}, 2])",
    "arrays_zip([1], [1, 2], [])",
    "array_to_string([[1], [{a}]], null)",
    "map([1, 1], [{a}, {b}])",
    "map([null], [{a}])",
    "map_extract(map([1], [2]), 'x')",
    "struct(struct(struct({a})))['c0']['c0']['c9']",
    "get_field(named_struct('a', {a}), 'b')",
    "named_struct('a', 1, 'a', {a})",
    "array_any_value(make_array())",
    "array_has_any([[1]], [{a}])",
    "array_normalize([0.0, {a}])",
    "array_dims(make_array(make_array(), {a}))",
)

STUMBLES = (
    "track_id ~ '('",
    "track_id !~* '[{a}'",
    "track_id similar to '('",
    "null similar to null",
    "make_array() like null",
    "regexp_replace(track_id, 'a', 'b', 'nope')",
    "regexp_replace(track_id, '(', 'b')",
    "concat(x'00ff')",
    "array_replace_all(null, mtld, {a})",
    "inner_product(arrow_cast([1, {a}], 'FixedSizeList(2, Int64)'), [[1], [2]])",
    "min(map([], [])) over ()",
    "min([[1], [{a}]]) over (order by tokens)",
    "max(distinct [[1], [{a}]]) over ()",
    "first_value() over ()",
    "last_value() over (order by tokens)",
    "nth_value() over ()",
    "lag(arrow_cast('a', 'Dictionary(Int8, Utf8)')) over (order by tokens)",
    "first_value(arrow_cast('a', 'Dictionary(Int8, Utf8)')) over ()",
)
"""At which the engine gave up or fell over once, whatever the numbers are."""


def filled(draw: random.Random, template: str) -> str:
    """A template with numbers from the edge."""
    return template.format(a=draw.choice(EDGES), b=draw.choice(EDGES), nines=NINES)


def edges_of(templates: tuple[str, ...], draw: random.Random) -> Made:
    """One of the templates, of literals or for each row."""
    expression = filled(draw, draw.choice(templates))
    return draw.choice([
        (f"select {expression} as n", None),
        (f"select {expression} as n from track limit 3", None),
        (f"select {expression} as n, tokens from track where tokens > {draw.randint(0, 99)} limit 3", None),
        (f"select count({expression}) as n from track", None),
    ])


def numbers(draw: random.Random, tracks: int) -> Made:
    """Integers and decimals that overflow, divisions by nothing."""
    return edges_of(NUMBERS, draw)


def texts(draw: random.Random, tracks: int) -> Made:
    """Positions outside of a text, characters that are none."""
    return edges_of(TEXTS, draw)


def times(draw: random.Random, tracks: int) -> Made:
    """Moments before and after all calendars."""
    return edges_of(TIMES, draw)


def lists(draw: random.Random, tracks: int) -> Made:
    """Lists of lists, of nothing, and places outside of them."""
    deep = draw.choice([10, 30, 48])
    nested = f"{'make_array(' * deep}1, 2{')' * deep}"
    wide = ", ".join("[1, 2, 3]" for _ in range(5_000))
    return draw.choice([
        edges_of(LISTS, draw),
        edges_of(LISTS, draw),
        (f"select {nested} as n", None),
        (f"select cardinality([{wide}]) as n", None),
        (f"select count(*) as n from track where array_has(array_union([{wide}], [{wide[:9]}]), [1, 2, 3])", None),
        (f"select array_agg(l) as n from (select array_agg(tokens) as l from track group by track_id)", None),
    ])


def stumbles(draw: random.Random, tracks: int) -> Made:
    """What the engine once stumbled over."""
    return edges_of(STUMBLES, draw)


def analyzers(draw: random.Random, tracks: int) -> Made:
    """The analyzers over everything, and over texts that nobody would write."""
    analyzer = draw.choice(["lexical", "rhyme", "structure", "emotion", "theme"])
    text = draw.choice([
        "a" * 60_000,
        "a\n" * 30_000,
        "ночь\n\n" * 5_000,
        "[Chorus]\n" * 6_000,
        "\u0301" * 20_000,
        "\n" * 60_000,
        "1 " * 30_000,
        "-\u00ad" * 10_000,
        "",
    ])
    return draw.choice([
        (f"select {analyzer}('{text}') as n", None),
        (f"select {analyzer}(lyrics || '{draw.random()}') as n from tracks", None),
        (f"select count(*) as n from tracks a, tracks b where {analyzer}(a.lyrics || b.lyrics) is null", None),
        (f"select {analyzer}({analyzer}('x')) as n", True),
        (f"select embed('{text}') as n", None),
        (f"select {analyzer}(null) is null as n, {analyzer}() as m", True),
    ])


def honest(draw: random.Random, tracks: int) -> Made:
    """Nothing hostile: between all the others it is answered as it should be."""
    number = draw.randint(0, 10**9)
    return draw.choice([
        (f"select count(*) + {number} as n from track", one(tracks + number)),
        (f"select {number} as n from track limit 1", one(number)),
        (f"select max({number} + 0 * tokens) as n from track", one(number)),
    ])
