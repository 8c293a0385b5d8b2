"""Hostile statements whose harm is in their form: too long, too deep, not SQL, or more than a query."""

from __future__ import annotations

import random
import string
from typing import Any

OPERATORS_MAX = 250
DEPTH_MAX = 50
STATEMENT_BYTES_MAX = 64 << 10
"""What the server takes (`src/limits.rs`)."""

Rows = list[dict[str, Any]]
Made = tuple[str, bool | Rows | None]
"""A statement; and `True` where it must be refused, or the rows that it gives, or nothing where they are not known."""


def one(value: Any) -> Rows:
    """One row with the column `n`."""
    return [{"n": value}]


def chains(draw: random.Random, tracks: int) -> Made:
    """Hundreds and thousands of operands in a row."""
    terms = draw.choice([100, 250, 251, 252, 500, 500, 5_000])
    word, operand, value = draw.choice([
        ("+", "1", terms),
        ("-", "0", 0),
        ("*", "1", 1),
        ("or", "false", False),
        ("and", "true", True),
        ("||", "'a'", "a" * terms),
    ])
    too_many = terms - 1 > OPERATORS_MAX
    unions = " union all ".join(["select 1 as n"] * terms)
    cases = f"case {' '.join(f'when tokens = {index} then {index}' for index in range(terms))} end"
    return draw.choice([
        (f"select {f' {word} '.join([operand] * terms)} as n", too_many or one(value)),
        (f"select count(*) as n from track where {f' {word} '.join([operand] * terms)} is null", None),
        (f"select count(*) as n from track where {' or '.join(f'decade = {index}' for index in range(terms))}", too_many or None),
        (unions, too_many or one(1) * terms),
        (f"select sum({cases}) as n from track", 2 * terms > OPERATORS_MAX or None),
        (f"select 5 in ({', '.join(map(str, range(2 * terms)))}) as n", one(True)),
        (f"select {'not ' * terms}true as n", terms > OPERATORS_MAX or one(terms % 2 == 0)),
        (f"select {'- ' * terms}1 as n", terms > OPERATORS_MAX or None),
    ])


def literals(draw: random.Random, tracks: int) -> Made:
    """Huge texts, numbers and names."""
    size = draw.choice([1_000, 60_000, 65_000, 66_000, 1_000_000])
    too_long = size > STATEMENT_BYTES_MAX - 100
    return draw.choice([
        (f"select octet_length('{'x' * size}') as n", too_long or one(size)),
        (f"select {'9' * size} as n", too_long or None),
        (f"select 1e{'9' * min(size, 50_000)} as n", None),
        (f"select 0.{'1' * min(size, 50_000)} as n", None),
        (f"select 1 as \"{'n' * min(size, 50_000)}\"", None),
        (f"select {'n' * min(size, 50_000)} from track", True),
        (f"select x'{'ff' * (size // 2)}' as n", too_long or None),
        (f"select /*{'*' * min(size, 50_000)}*/ 1 as n", one(1)),
        (f"select {'/*' * (min(size, 50_000) // 2)} 1 as n", True),
        (f"select '{'ё' * (size // 2)}' = '{draw.random()}' as n", too_long or one(False)),
    ])


def parentheses(draw: random.Random, tracks: int) -> Made:
    """Brackets within brackets."""
    depth = draw.choice([10, DEPTH_MAX, DEPTH_MAX + 1, 1_000, 20_000])
    too_deep = depth > DEPTH_MAX
    functions = min(depth, 6_000)
    return draw.choice([
        (f"select {'(' * depth}1{')' * depth} as n", too_deep or one(1)),
        (f"select {'(' * depth} as n", True),
        (f"select 1{')' * depth} as n", True),
        (f"select {'abs(' * functions}1{')' * functions} as n", too_deep or one(1)),
        (f"select {'[' * depth}1{']' * depth} as n", too_deep or None),
        (f"select {'case when true then ' * functions}1{' end' * functions} as n", 2 * functions > OPERATORS_MAX or one(1)),
        (f"select cast({'(' * depth}1{')' * depth} as {'array<' * functions}int{'>' * functions}) as n", too_deep or None),
    ])


def subqueries(draw: random.Random, tracks: int) -> Made:
    """Queries within queries, and names that stand for ever larger ones."""
    depth = draw.choice([10, 40, DEPTH_MAX, DEPTH_MAX + 1, 1_000, 4_000])
    too_deep = depth > DEPTH_MAX
    levels = draw.choice([4, 8, 12, 20, 30, 60])
    doubled = "with a0 as (select 1 as n)"
    for level in range(levels):
        doubled += f", a{level + 1} as (select x.n from a{level} x, a{level} y)"
    return draw.choice([
        (f"select n from {'(select n from ' * (depth - 1)}(select 1 as n){')' * (depth - 1)}", too_deep or one(1)),
        (f"select {'(select ' * depth}1{')' * depth} as n", too_deep or one(1)),
        (f"select 1 as n where {'exists (select 1 where ' * depth}true{')' * depth}", too_deep or one(1)),
        (f"select count(*) as n from track where mtld {'in (select mtld from track where mtld ' * depth}> 0{')' * depth}", too_deep or None),
        (f"{doubled} select n from a{levels}", one(1)),
        (f"{doubled} select count(*) as n from a{levels} x, a{levels} y, a{levels} z", one(1)),
        (f"{'with a as (' * depth}select 1 as n{') select n from a' * depth}", too_deep or one(1)),
    ])


VERBS = (
    "create table t (a int)",
    "create table t as select * from track",
    "create external table t stored as csv location '/etc/passwd'",
    "create external table t stored as parquet location 's3://bucket/key'",
    "create view v as select * from tracks",
    "create or replace function f(int) returns int language sql as 'select 1'",
    "create schema s",
    "create database d",
    "drop table track",
    "drop view if exists track",
    "alter table track add column x int",
    "truncate table tracks",
    "insert into track values ('x')",
    "insert into tracks select * from tracks",
    "update track set decade = 0",
    "delete from tracks",
    "merge into track using tracks on true when matched then delete",
    "copy track to '/tmp/track.parquet'",
    "copy (select * from tracks) to 's3://bucket/out.csv' stored as csv",
    "copy track from '/etc/passwd'",
    "set datafusion.execution.target_partitions = 10000",
    "set datafusion.catalog.information_schema = true",
    "reset datafusion.execution.batch_size",
    "explain analyze select * from track a, track b, track c",
    "explain verbose select 1",
    "explain copy track to '/tmp/t.csv'",
    "prepare p as select 1",
    "execute p(1)",
    "deallocate p",
    "show tables",
    "show all",
    "describe track",
    "begin",
    "commit",
    "use other",
    "grant all on track to public",
    "attach '/etc/passwd' as p",
    "load 'httpfs'",
    "vacuum",
    "analyze table track compute statistics",
    "call system('id')",
    "declare c cursor for select * from track",
    "lock table track",
    "kill 1",
)


def verbs(draw: random.Random, tracks: int) -> Made:
    """Statements that are no queries, alone, beside one and within one."""
    verb = draw.choice(VERBS)
    return draw.choice([
        (verb, True),
        (verb.upper(), True),
        (f"select 1 as n; {verb}", True),
        (f"{verb}; select 1 as n", True),
        (f"/* select */ {verb} -- select 1", True),
        (f"with x as ({verb}) select * from x", True),
        (f"select * from ({verb}) x", True),
    ])


SOURCES = (
    "'/etc/passwd'",
    '"/etc/passwd"',
    "'file:///etc/passwd'",
    "'https://example.org/data.parquet'",
    "'s3://bucket/data.parquet'",
    '"store/views/lexical.lance"',
    '"../state.sqlite"',
    "read_csv('/etc/passwd')",
    "read_parquet('https://example.org/data.parquet')",
    "read_json('/proc/self/environ')",
    "csv_scan('/etc/passwd')",
    "parquet_metadata('/etc/passwd')",
    "lance_scan('store/views/lexical.lance')",
    "glob('/*')",
    "url('http://169.254.169.254/latest/meta-data', 'CSV')",
    "sqlite_scan('state.sqlite', 'keys')",
    "postgres_scan('host=localhost', 'public', 'keys')",
    "information_schema.tables",
    "information_schema.df_settings",
    "pg_catalog.pg_class",
    "sqlite_master",
    "keys",
    "audit",
    "state.main.keys",
)
SECRETS = (
    "version()",
    "now()",
    "random()",
    "uuid()",
    "current_user",
    "current_timestamp",
    "current_setting('data_directory')",
    "getenv('HOME')",
    "pg_read_file('/etc/passwd')",
    "load_file('/etc/passwd')",
    "load_extension('/lib/x.so')",
    "pg_sleep(100)",
    "sleep(100)",
    "system('id')",
)


def outside(draw: random.Random, tracks: int) -> Made:
    """Files, URLs, other tables and the machine itself."""
    source, secret = draw.choice(SOURCES), draw.choice(SECRETS)
    return draw.choice([
        (f"select * from {source}", True),
        (f"select count(*) as n from track a join {source} b on true", True),
        (f"select * from (select * from {source}) x limit {draw.randint(1, 9)}", True),
        (f"select {secret} as n", True),
        (f"select track_id from track where cast({secret} as varchar) <> track_id", True),
    ])


def placeholders(draw: random.Random, tracks: int) -> Made:
    """Parameters of which none is given."""
    number = draw.choice([0, 1, 65_536, 2**63, 10**40])
    return draw.choice([
        (f"select ${number} as n", True),
        (f"select count(*) as n from track where decade = ${number}", True),
        ("select ? as n", True),
        (f"select {', '.join(f'$' + str(index) for index in range(1, 5_000))}", True),
        (f"select track_id from track limit ${number}", True),
        ("select $x as n, @y as m, :z as o", True),
        ("select {{7*7}} as n", True),
    ])


WORDS = (
    *("select from where group by order having limit offset union with recursive as case when then end over partition".split()),
    *("track tracks track_id decade lyrics null true 1 1.5 'a' \"b\" * ( ) [ ] { } , . ; :: -> => ->> @> <@ ! ~ ^ | & % # $$ \\".split()),
    *("count sum array_agg struct interval cast extract lateral unnest pivot unpivot qualify match_recognize window".split()),
)


def garbage(draw: random.Random, tracks: int) -> Made:
    """What is no SQL at all, or begins like some."""
    length = draw.choice([10, 100, 5_000])
    return draw.choice([
        ("".join(draw.choices(string.printable, k=length)), None),
        ("".join(chr(draw.choice([0, 7, 0x202E, 0xFFFD, 0x1F600, 0x10FFFF, 65])) for _ in range(length)), True),
        (" ".join(draw.choices(WORDS, k=length)), None),
        ("select " + " ".join(draw.choices(WORDS, k=min(length, 200))), None),
        ("select 'a" * length, True),
        ("", True),
        (";" * length, True),
        ("select\x00 1 as n", True),
        ("select 1 as n;" * length, True),
        ("-- select 1 as n", True),
    ])
