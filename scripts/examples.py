"""The calls that the demo shows: each a line for the shell, and what its answer must hold."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

POEM = "pg574-0030"
"""“The Tyger”, by William Blake."""
OTHER_POEM = "pg10031-0001"
"""“The Bells”, by Edgar Allan Poe."""
TRACKS_MIN = 57_000

ARROW = "application/vnd.apache.arrow.stream"
DECADES = (
    "select decade, count(*) as poems, avg(mtld) as mtld from track"
    " where decade is not null group by decade order by poems desc limit 3"
)
COPIES = (
    "select duplicate_of, count(*) as copies from track"
    " where duplicate_of is not null group by duplicate_of order by copies desc limit 3"
)


@dataclass(frozen=True)
class Answer:
    """What a line brought. `status` is there for HTTP alone; `body` is what the file holds where there is one."""

    exit_code: int
    status: int | None
    media_type: str
    body: bytes
    errors: str
    file: Path | None

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Checks:
    """What held and what did not."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)

    def that(self, holds: bool, what: str) -> None:
        """Counts one check; `what` says what should hold."""
        if holds:
            self.passed += 1
        else:
            self.failures.append(f"this does not hold: {what}")

    def of(self, example: Example, answer: Answer) -> None:
        """Checks the answer of an example."""
        before = len(self.failures)
        self.that(answer.exit_code == 0, f"exit code 0, not {answer.exit_code}: {answer.errors}")
        if answer.status is not None:
            self.that(answer.status == example.status, f"status {example.status}, not {answer.status}")
            found = answer.media_type.partition(";")[0]
            self.that(found == example.media_type, f"media type `{example.media_type}`, not `{found}`")
        try:
            example.check(self, answer)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            self.failures.append(f"the answer has another shape: {error!r}")
        # A failure alone does not say which line it is about.
        self.failures[before:] = [f"{example.command}\n      {failure}" for failure in self.failures[before:]]


@dataclass(frozen=True)
class Example:
    """A line for the shell, and what must be true of its answer."""

    title: str
    command: str
    check: Callable[[Checks, Answer], None]
    status: int = 200
    media_type: str = "application/json"
    file: Path | None = None
    shown_lines: int = 20


def examples(
    base: str, binary: str, project: str, downloads: Path, shown_downloads: str, key: str
) -> list[Example]:
    """Every example, in the order in which they are told. `base` is the server's URL, `key` the file with the key."""
    told = [
        dataclasses.replace(example, command=example.command.replace("curl ", f"curl {authorization(key)} ", 1))
        if example.command.startswith("curl ") and "/api/" in example.command
        else example
        for example in without_key(base, binary, project, downloads, shown_downloads)
    ]
    return [*told[:1], refused(base), *told[1:]]


def authorization(key: str) -> str:
    """The header that shows the key, without the key on the screen."""
    return f'-H "authorization: Bearer $(cat {shlex.quote(key)})"'


def refused(base: str) -> Example:
    """What happens without a key."""

    def no_key(checks: Checks, answer: Answer) -> None:
        checks.that(answer.json()["type"] == "/problems/no-key", "the problem says that there is no key")

    return Example(
        "Without a key there is no answer; `rhapsode keys create` makes one.",
        get(f"{base}/api/features"),
        no_key,
        status=401,
        media_type="application/problem+json",
    )


def without_key(base: str, binary: str, project: str, downloads: Path, shown_downloads: str) -> list[Example]:
    """Every example, before a key is put into it."""
    command = shlex.join([binary, "--project", project])
    return [
        *lookups(base, downloads, shown_downloads),
        *texts(base),
        *searches(base, command),
        *changes(base, command),
        *statements(base, command),
        *history(base, command, f"{project}/data/chinook/labels.jsonl", downloads, shown_downloads),
        *files(base, downloads, shown_downloads),
        *others(base, command),
    ]


def post(url: str, body: dict[str, Any], *options: str) -> str:
    """A curl line that sends JSON."""
    head = ["curl", *options, "-H", "content-type: application/json"]
    return shlex.join([*head, "-d", json.dumps(body), url])


def get(url: str, *options: str) -> str:
    """A curl line that reads."""
    return shlex.join(["curl", *options, url])


def lookups(base: str, downloads: Path, shown_downloads: str) -> list[Example]:
    """The catalogue, one entity, several."""
    one = f"{base}/api/features/{POEM}?entity=track"
    batch = f"{base}/api/features/batch"
    arrow = downloads / "batch.arrows"
    keys = [POEM, OTHER_POEM]
    body: dict[str, Any] = {"entity": "track", "keys": [*keys, "nope"], "features": ["decade", "mtld"]}

    def catalogue(checks: Checks, answer: Answer) -> None:
        views = next(entity for entity in answer.json()["entities"] if entity["name"] == "track")["views"]
        features = [feature for view in views for feature in view["features"]]
        names = {feature["name"] for feature in features}
        checks.that({"decade", "mtld", "tokens"} <= names, f"`decade`, `mtld` and `tokens` are among {sorted(names)}")
        checks.that(all(view["rows"] >= TRACKS_MIN for view in views), f"each view has {TRACKS_MIN} rows or more")
        checks.that(
            all(feature["version"] >= 1 and feature["dtype"] for feature in features), "all have version and dtype"
        )

    def entity(checks: Checks, answer: Answer) -> None:
        found = answer.json()
        checks.that((found["entity"], found["key"]) == ("track", POEM), f"`{POEM}` of `track`")
        checks.that(found["release"] >= 1, "the release is numbered from 1")
        checks.that(found["features"]["decade"] == 1790, "“The Tyger” is of the 1790s")
        checks.that(found["features"]["mtld"] > 10, "its diversity is above 10 words")

    def chosen(checks: Checks, answer: Answer) -> None:
        entity(checks, answer)
        checks.that(
            list(answer.json()["features"]) == ["decade", "mtld"], "the features that were asked for, in that order"
        )

    def several(checks: Checks, answer: Answer) -> None:
        found = answer.json()
        checks.that(found["features"] == body["features"], "the features that were asked for")
        checks.that([row["key"] for row in found["rows"]] == keys, "the keys that exist, in the order asked")
        checks.that(found["rows"][0]["values"][0] == 1790, "“The Tyger” is of the 1790s")
        checks.that(found["missing"] == ["nope"], "the key that does not exist is told")

    def stream(checks: Checks, answer: Answer) -> None:
        checks.that(answer.body[:4] == b"\xff\xff\xff\xff", "an Arrow stream begins with its mark")
        checks.that(b"found" in answer.body and POEM.encode() in answer.body, "the keys and `found` are in it")

    return [
        Example("The catalogue: every feature, documented.", get(f"{base}/api/features"), catalogue, shown_lines=30),
        Example("One poem, all scalar features: “The Tyger”.", get(one), entity, shown_lines=40),
        Example("The same, two features.", get(f"{one}&features=decade,mtld"), chosen),
        Example("A batch; a key that does not exist is told apart.", post(batch, body), several),
        Example(
            "The same as an Arrow stream, for pyarrow, Polars or DuckDB.",
            post(batch, body, "-o", f"{shown_downloads}/{arrow.name}", "-H", f"accept: {ARROW}"),
            stream,
            media_type=ARROW,
            file=arrow,
        ),
    ]


def history(base: str, command: str, labels: str, downloads: Path, shown_downloads: str) -> list[Example]:
    """Songs, invented purchases of them, and what was known of them at a moment."""
    training = downloads / "training.parquet"
    rows = [
        {"song_id": "chinook-1", "event_timestamp": "2010-01-01T00:00:00Z"},
        {"song_id": "chinook-1", "event_timestamp": "2012-01-01T00:00:00Z"},
    ]
    features = ["genre", "purchases_count_365d", "purchases_count_all", "days_since_purchase"]
    asked = {"entity": "song", "features": features, "rows": rows}
    on_request = "features=purchases_max_purchased_at_all,days_since_purchase&inputs.event_timestamp=2014-01-01T00:00:00Z"

    def song(checks: Checks, answer: Answer) -> None:
        found = answer.json()
        checks.that((found["entity"], found["key"]) == ("song", "chinook-1"), "`chinook-1` of `song`")
        checks.that(found["features"]["artist"] == "AC/DC", "the first song is by AC/DC")
        checks.that(found["features"]["purchases_count_all"] >= 0, "its purchases are counted")

    def computed(checks: Checks, answer: Answer) -> None:
        found = answer.json()["features"]
        last = datetime.fromisoformat(found["purchases_max_purchased_at_all"].replace("Z", "+00:00"))
        days = (datetime(2014, 1, 1, tzinfo=timezone.utc) - last).total_seconds() / 86400
        checks.that(abs(found["days_since_purchase"] - days) < 1e-6, f"{days} days from the last purchase to 2014")

    def known(checks: Checks, answer: Answer) -> None:
        found = answer.json()
        checks.that(len(found) == 2 and found[0]["genre"] == "Rock", "a row for each moment, in their order")
        checks.that(found[0]["purchases_count_all"] <= found[1]["purchases_count_all"], "later, more is known")

    def written(checks: Checks, answer: Answer) -> None:
        checks.that(answer.body[:4] == b"PAR1" and answer.body[-4:] == b"PAR1", "a Parquet file, whole")

    return [
        Example("A song; whoever bought it is invented.", get(f"{base}/api/features/chinook-1?entity=song"), song, shown_lines=26),
        Example(
            "A feature on request: computed from what is stored and what comes with the request.",
            get(f"{base}/api/features/chinook-1?entity=song&{on_request}"),
            computed,
        ),
        Example("What was known of it at two moments.", post(f"{base}/api/training-sets", asked), known),
        Example(
            "A training set: each row of a file, with what was known at its moment.",
            f"{command} training-set --entity song --rows {labels} --features genre,minutes,song_purchases:*,song_asked:*"
            f" --out {shown_downloads}/{training.name}",
            written,
            file=training,
        ),
    ]


def texts(base: str) -> list[Example]:
    """Texts that are not in the corpus, and vectors."""
    stanza = "Tyger Tyger, burning bright,\nIn the forests of the night;\nWhat immortal hand or eye,\nCould frame thy fearful symmetry?"
    said = ["I love you with all my heart", "Я люблю тебя всем сердцем"]

    def analyzed(checks: Checks, answer: Answer) -> None:
        found = answer.json()
        checks.that(found["features"]["rhyme_scheme"] == "AABB", "two couplets")
        checks.that(found["features"]["tokens"] == 20, "twenty words")
        checks.that(POEM in [near["key"] for near in found["nearest"]], "“The Tyger” is among the nearest")
        checks.that(found["features"]["sketch_words"] == 20 and isinstance(found["duplicates"], list), "copies are looked for")
        checks.that(found["warnings"] == [], "nothing is missing")

    def vector(checks: Checks, answer: Answer) -> None:
        found = answer.json()
        checks.that(len(found["embedding"]) == found["dimensions"] == 512, "a vector of 512 numbers")

    def vectors(checks: Checks, answer: Answer) -> None:
        one, two = answer.json()["embeddings"]
        cosine = sum(a * b for a, b in zip(one, two, strict=True))
        checks.that(cosine > 0.8, f"the same in English and in Russian is near: {cosine}")

    def about(checks: Checks, answer: Answer) -> None:
        found = answer.json()["features"]
        checks.that(found["theme"] in [None, *found["themes"]], "the theme is among the themes")
        checks.that(1 <= len(found["key_phrases"]) <= 10, "one to ten key phrases")

    def submitted(checks: Checks, answer: Answer) -> None:
        found = answer.json()
        checks.that(found["state"] in {"waiting", "running", "done"}, "the job is taken")
        checks.that(found["rows"] == 2, "two texts")

    def jobs(checks: Checks, answer: Answer) -> None:
        found = answer.json()["jobs"]
        checks.that(len(found) >= 1 and found[0]["entity"] == "track", "the job is among them")

    lines = "\n".join(json.dumps({"key": key, "text": text}, ensure_ascii=False) for key, text in zip("ab", said, strict=True))
    many = ["curl", "-H", "content-type: application/x-ndjson", "--data-binary", lines, f"{base}/api/jobs?entity=track"]

    return [
        Example(
            "What a poem is about.",
            get(f"{base}/api/features/{OTHER_POEM}?entity=track&features=theme,themes,key_phrases,mood,arc_shape"),
            about,
        ),
        Example("Many texts, analyzed in the background.", shlex.join(many), submitted, status=202),
        Example("How far the jobs are; `/api/jobs/ID/results` has what was made.", get(f"{base}/api/jobs"), jobs),
        Example(
            "A new text: every feature that the corpus has of its texts, where it stands among them, what is nearest.",
            post(f"{base}/api/analyze", {"entity": "track", "text": stanza, "nearest": 3}),
            analyzed,
            shown_lines=40,
        ),
        Example("The vector of a poem.", get(f"{base}/api/embeddings/{POEM}"), vector, shown_lines=4),
        Example(
            "Vectors of texts, in English and in Russian.",
            post(f"{base}/api/embeddings/batch", {"texts": said}),
            vectors,
            shown_lines=4,
        ),
    ]


def searches(base: str, command: str) -> list[Example]:
    """Pieces by their words and by their meaning."""
    remembered = {"query": "tiger burning bright in the forests of the nihgt", "filter": "decade < 1850", "facets": ["decade"], "highlight": True, "limit": 5}
    meant = {"query": "колокола звонят ночью", "mode": "semantic", "filter": {"language": "en"}, "limit": 5}

    def keys(answer: Answer) -> list[str]:
        return [hit["key"] for hit in answer.json()["hits"]]

    def found(checks: Checks, answer: Answer) -> None:
        first = answer.json()["hits"][0]
        checks.that(first["features"]["title"].lower() in ("the tyger", "the tiger"), f"“The Tyger”, or a copy of it, comes first: {first}")
        decades = [value["value"] for value in answer.json()["facets"]["decade"]]
        checks.that(decades != [] and all(decade < 1850 for decade in decades), "the filter holds")
        added = {(term["for"], term["reason"]) for term in answer.json()["added_terms"]}
        checks.that(added == {("nihgt", "typing")}, f"what was meant is {added}")
        lines = first["highlights"]
        checks.that(any("burning bright" in line for line in lines), f"the line is shown: {lines}")

    def crossed(checks: Checks, answer: Answer) -> None:
        checks.that(len(keys(answer)) == 5, "five hits")
        languages = {hit["features"]["language"] for hit in answer.json()["hits"]}
        checks.that(languages == {"en"}, "the filter holds")

    def counted(checks: Checks, answer: Answer) -> None:
        checks.that("2 hits" in answer.body.decode(), "two hits")

    def alike(checks: Checks, answer: Answer) -> None:
        pieces = answer.json()["recommendations"]
        checks.that(len(pieces) == 5 and all(len(piece["reasons"]) == 3 for piece in pieces), "five pieces, three reasons each")
        artists = [piece["features"]["artist"] for piece in pieces if piece["features"]["artist"]]
        checks.that(len(artists) == len(set(artists)), "none of one artist twice")

    return [
        Example("A half-remembered poem, misspelt, by words and by meaning.", post(f"{base}/api/search", remembered), found),
        Example("English verse for a Russian question, by meaning alone.", post(f"{base}/api/search", meant), crossed),
        Example(
            "The same from the command line, with reasons.",
            f"{command} search 'bells at night' --limit 2 --explain",
            counted,
        ),
        Example(
            "Pieces that are like one, and why.",
            get(f"{base}/api/recommendations?key={POEM}&weights=meaning:2,mood:1,style:1&diversity=0.2&at_most=artist:1&limit=5"),
            alike,
        ),
    ]


def changes(base: str, command: str) -> list[Example]:
    """What rises and what falls, and what goes with what."""

    def themes(checks: Checks, answer: Answer) -> None:
        told = answer.json()
        checks.that({trend["value"] for trend in told["risers"]} >= {"nature_seasons"}, f"nature rises: {told['risers']}")
        checks.that({trend["value"] for trend in told["fallers"]} >= {"death_mourning"}, f"mourning falls: {told['fallers']}")
        shares = [row for row in told["rows"] if row["value"] == "faith"]
        inside = (row["low"] - 1e-9 <= row["share"] <= row["high"] + 1e-9 for row in shares)
        checks.that(len(shares) > 5 and all(inside), "shares lie in their intervals")

    def chart(checks: Checks, answer: Answer) -> None:
        checks.that("vega-lite" in answer.json()["$schema"] and len(answer.json()["layer"]) == 3, "a chart of three layers")

    def drawn(checks: Checks, answer: Answer) -> None:
        checks.that("rises (q" in answer.body.decode(), "something rises")

    def apart(checks: Checks, answer: Answer) -> None:
        told = answer.json()
        checks.that(len(told["patterns"]) == 10 and told["tested"] > 100, f"patterns of {told['tested']}")
        checks.that(all(of["low"] - 1e-6 <= of["effect"] <= of["high"] + 1e-6 for of in told["patterns"]), "effects lie in their intervals")

    war = f"{base}/api/patterns?slice=theme%20%3D%20%27war%27&time=year&limit=10"
    asked = f"{base}/api/trends?feature=theme&time=year&period=25&filter=year%20%3E%3D%201600"
    return [
        Example("What poems are about, by quarter of a century: shares, and which rise or fall.", get(asked), themes, shown_lines=16),
        Example("The same as a chart, for https://vega.github.io/editor.", get(asked, "-H", "accept: application/vnd.vegalite+json"), chart, media_type="application/vnd.vegalite+json", shown_lines=4),
        Example("The same on the command line, drawn.", f"{command} trends theme --time year --period 25 --limit 6", drawn),
        Example("What sets poems of war apart from others of their time: associations, with their intervals.", get(war), apart, shown_lines=24),
    ]


def statements(base: str, command: str) -> list[Example]:
    """SQL over HTTP and from the command line."""
    count = "select count(*) as tracks from track"

    def decades(checks: Checks, answer: Answer) -> None:
        rows = answer.json()
        checks.that(len(rows) == 3 and set(rows[0]) == {"decade", "poems", "mtld"}, "three rows of three columns")
        checks.that(rows[0]["poems"] >= rows[1]["poems"] >= 1_000, "the largest decade comes first")
        checks.that(all(10 < row["mtld"] < 1_000 for row in rows), "the means are plausible")

    def copies(checks: Checks, answer: Answer) -> None:
        rows = answer.json()
        checks.that(len(rows) == 3 and rows[0]["copies"] >= rows[2]["copies"] >= 2, "what was printed most often")

    def counted(checks: Checks, answer: Answer) -> None:
        numbers = [int(word) for word in answer.body.decode().replace("|", " ").split() if word.isdigit()]
        checks.that(any(number >= TRACKS_MIN for number in numbers), f"at least {TRACKS_MIN} tracks")

    return [
        Example("SQL over HTTP: an array of rows.", post(f"{base}/api/sql", {"query": DECADES}), decades),
        Example("What is there several times, nearly: near-duplicates.", post(f"{base}/api/sql", {"query": COPIES}), copies),
        Example("SQL from the command line, without a server.", f"{command} sql {shlex.quote(count)}", counted),
    ]


def files(base: str, downloads: Path, shown_downloads: str) -> list[Example]:
    """Datasets as files."""
    url = f"{base}/api/dataset/download"
    parquet, table = downloads / "track.parquet", downloads / "1840s.csv"

    def columnar(checks: Checks, answer: Answer) -> None:
        checks.that(answer.body[:4] == answer.body[-4:] == b"PAR1", "Parquet begins and ends with its mark")
        checks.that(len(answer.body) > 1_000_000, "it is larger than a megabyte")

    def rows(checks: Checks, answer: Answer) -> None:
        head, *lines = answer.body.decode().splitlines()
        checks.that(head == "track_id,decade,mtld", f"the columns that were asked for, not `{head}`")
        checks.that(len(lines) > 500, "hundreds of poems of the 1840s")
        checks.that(all(line.split(",")[1] == "1840" for line in lines), "no poem of another decade")

    filtered = ["-d", "dataset=track", "-d", "format=csv", "-d", "columns=track_id,decade,mtld"]
    filtered += ["--data-urlencode", "filter=decade = 1840", "-o", f"{shown_downloads}/{table.name}"]
    return [
        Example(
            "A dataset as Parquet.",
            get(f"{url}?dataset=track&format=parquet", "-o", f"{shown_downloads}/{parquet.name}"),
            columnar,
            media_type="application/vnd.apache.parquet",
            file=parquet,
        ),
        Example("A part of it as CSV.", get(url, "-G", *filtered), rows, media_type="text/csv", file=table),
    ]


def others(base: str, command: str) -> list[Example]:
    """Releases, a mistake, the description of the API."""

    def releases(checks: Checks, answer: Answer) -> None:
        numbers = [release["release"] for release in answer.json()["releases"]]
        checks.that(len(numbers) >= 1 and min(numbers) >= 1, "there is a release, numbered from 1")

    def listed(checks: Checks, answer: Answer) -> None:
        words = answer.body.decode().split()
        checks.that(any(word.isdigit() and int(word) >= 1 for word in words), "there is a release, numbered from 1")

    def mistake(checks: Checks, answer: Answer) -> None:
        problem = answer.json()
        checks.that(problem["type"] == "/problems/unknown-feature", "the problem's type says what is wrong")
        checks.that((problem["status"], problem["field"]) == (400, "features[1]"), "the problem says where")
        checks.that(problem["value"] == "mtdl", "the problem says what was sent")
        checks.that("`mtld`" in problem["remedy"], "the remedy is the name that was meant")
        checks.that(bool(problem["title"] and problem["detail"] and problem["request_id"]), "nothing is left out")

    def paths(checks: Checks, answer: Answer) -> None:
        described = answer.json()
        checks.that(described["openapi"].startswith("3."), "the API is described in OpenAPI 3")
        checks.that("/api/features/batch" in described["paths"], "the description has the batch")

    return [
        Example("The releases over HTTP.", get(f"{base}/api/releases"), releases),
        Example("The releases from the command line.", f"{command} releases list", listed),
        Example(
            "A mistake says what is wrong, where, and what to do.",
            get(f"{base}/api/features/{POEM}?entity=track&features=decade,mtdl"),
            mistake,
            status=400,
            media_type="application/problem+json",
        ),
        Example("The API, described; /docs shows it in a browser.", get(f"{base}/openapi.json"), paths, shown_lines=8),
        Example(
            "The page itself.",
            get(f"{base}/docs/", "-L"),
            lambda checks, answer: checks.that(b"<html" in answer.body.lower(), "a page of HTML"),
            media_type="text/html",
            shown_lines=6,
        ),
    ]
