"""The client: checks and translates what is asked for; the modules beside it do it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeAlias, cast, overload

import httpx

from . import _batches, _search, _transfer, _wire
from ._answers import Catalogue, FeedbackRecorded, Patterns, Recommendations, Releases, SearchHits, Trends
from ._session import Session
from ._settings import settings
from ._table import Features, Table

Key: TypeAlias = "str | int | tuple[str | int, ...]"
Release: TypeAlias = "int | str | None"
Mode: TypeAlias = Literal["hybrid", "keyword", "semantic"]
Verdict: TypeAlias = Literal["relevant", "irrelevant"]
Format: TypeAlias = Literal["csv", "json", "jsonl", "parquet", "arrow"]

TIMEOUT_SECONDS = 70.0
"""A little more than the server gives a request."""

RETRIES = 3


class Client:
    """A client of one Rhapsode server. Make one and keep it: it holds connections, and threads may share it.

        with rhapsode.Client("https://rhapsode.example.org") as client:
            client.features("t1", ["decade"])["decade"]

    Every call takes `release`: a number, a tag, or none for the newest. Every result has the number that it was read
    from (`.release`), by which it can be read again.

    What the server refuses for the moment (429, 503) and connections that fail are tried again, `retries` times, after
    the time that the server asks for (`Retry-After`) or a random one that grows to 8 seconds; at most 60 seconds are
    waited for one request.

    Args:
        url: where the server is; by default the environment's `RHAPSODE_URL`, or `http://127.0.0.1:8080`.
        key: `rhp_…`; by default the environment's `RHAPSODE_KEY`, or none. It shows in no repr, error or log.
        timeout: seconds without a byte after which a request is given up. Connecting has 5 at most.
        retries: how often a request is tried again; 0 for never.
        transport: what carries the requests instead of the network; `httpx.MockTransport` in tests.

    Raises:
        UsageError: an argument or a variable is wrong.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        retries: int = RETRIES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._session = Session(settings(url, key, timeout, retries, os.environ), transport=transport)

    @classmethod
    def _over(cls, session: Session) -> Client:
        """A client over a session that is there: for tests, which have their own time."""
        client = cls.__new__(cls)
        client._session = session
        return client

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._session.settings.url

    @overload
    def features(
        self,
        key_or_keys: Key,
        features: str | Iterable[str] | None = None,
        *,
        entity: str | None = None,
        release: Release = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> Features: ...
    @overload
    def features(
        self,
        key_or_keys: Iterable[Any],
        features: str | Iterable[str] | None = None,
        *,
        entity: str | None = None,
        release: Release = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> Table: ...
    def features(
        self,
        key_or_keys: Key | Iterable[Any],
        features: str | Iterable[str] | None = None,
        *,
        entity: str | None = None,
        release: Release = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> Features | Table:
        """The features of one entity, or of many.

            client.features("t1", ["decade", "mtld"])["mtld"]                 # of one: a mapping
            client.features(("a", 2))                                         # one with two join keys
            client.features(frame["track_id"], "decade,mtld").to_pandas()     # of many: a table
            client.features([("a", 2), ("b", 3)])
            client.features("t1", ["years_since"], inputs={"asked_year": 1900})

        Many keys, however many, are asked for in batches of 10,000, four at a time, with a bar where somebody looks on
        and tqdm is installed. All batches are read from one release, even if a newer one is published meanwhile.

        Args:
            key_or_keys: one key, a str or an int; of several join keys a tuple of their values, in order. Or many of
                them: a list, an array of NumPy, a Series, an Arrow array, any iterable but a tuple, which is one key.
            features: `name`, `name@version` or `view:*`, in a list or joined by `,`; by default all scalars.
            entity: which entity, where there are several.
            release: a number or a tag; by default the newest.
            inputs: values for features on request, by their names; of many keys one value, or a list of one a key.

        Returns:
            Of one key `Features`, a mapping from names to values. Of many a `Table` with a row for each key, in the
            order asked: the join keys' columns, a column for each feature, null where there is no value, and `found`
            (bool), which is false where no entity has the key. Units of features are in `catalogue()`.

        Raises:
            UsageError: a key, a name or an input is of a type that cannot be sent.
            UnknownKeyError: the one key is unknown. Of many, `found` says it.
            UnknownFeatureError, FeatureVersionError: `field` says which one (`features[2]`), `remedy` what was meant.
            InputError: an input is missing, or no feature that is asked for takes it.
            InvalidRequestError: the key has other parts than the entity's join keys, or `entity` is needed.
            UnknownEntityError, UnknownReleaseError, RateLimitedError, UnavailableError, TransportError, …: see
                `RhapsodeError`.
        """
        question: dict[str, Any] = {}
        if (asked := _wire.names(features, "features")) is not None:
            question["features"] = asked
        if entity is not None:
            question["entity"] = entity
        parameters = _wire.release(release)
        if _wire.is_one_key(key_or_keys):
            keys: Sequence[_wire.KeyParts] = [_wire.one_key(key_or_keys)]
            batch = _batches.Batch(keys, question, _wire.inputs(inputs or {}, 1))
            return _batches.one(self._session, batch, key_or_keys, parameters)
        keys = _wire.many_keys(key_or_keys)
        batch = _batches.Batch(keys, question, _wire.inputs(inputs or {}, len(keys)))
        return _batches.many(self._session, batch, parameters)

    def sql(self, query: str, params: Sequence[Any] | None = None, release: Release = None) -> Table:
        """The rows that a statement selects from the sources, the views, and one table for each entity.

            client.sql("select decade, avg(mtld) as mtld from track where decade >= $1 group by decade", [1800])

        Args:
            query: one `select`.
            params: what `$1`, `$2`, … stand for: str, numbers, bool, None; dates and times go as texts, so that
                `cast($1 as timestamp)` may be needed.
            release: a number or a tag; by default the newest.

        Returns:
            A `Table` in the types of the statement. The server bounds it (30 s and 1,000,000 rows, where its operator
            did not choose otherwise): more rows are a `download`.

        Raises:
            UsageError: a parameter is of a type that cannot be sent.
            StatementError: the statement cannot be run; `field` says where (`query:1:8`), `remedy` what may be meant.
            StatementTimeoutError, TooLargeError: it takes too long, or has too many rows.
            UnknownReleaseError, RateLimitedError, UnavailableError, TransportError, …: see `RhapsodeError`.
        """
        body = _wire.body({"query": query, "params": _wire.scalars([] if params is None else params, "params")})
        return _batches.table(self._session, "/api/sql", _wire.release(release), body)

    def download(
        self,
        dataset: str,
        path: str | os.PathLike[str],
        *,
        format: Format = "parquet",
        columns: str | Iterable[str] | None = None,
        filter: str | None = None,
        release: Release = None,
    ) -> Path:
        """Fetches a dataset, or a selection of it, as a file.

            client.download("track", "track.parquet", columns=["track_id", "mtld"], filter="decade >= 1800")

        The file comes as `path` + `.part`, is compared with the digest that the server names, and then takes the place
        of `path`: what is at `path` is whole. A connection that breaks is resumed where it broke; so is a download
        that an earlier call left unfinished.

        Args:
            dataset: an entity (with all its features), a source or a view.
            path: where to write the file; the folder is there.
            format: `parquet`, `arrow` (the IPC file format), `csv`, `json` (one array) or `jsonl`. Parquet and Arrow
                keep every type; in CSV and JSON, lists are JSON, dates and times ISO 8601.
            columns: in a list or joined by `,`; by default all.
            filter: a condition of SQL on the dataset's columns.
            release: a number or a tag; by default the newest.

        Returns:
            `path`. Rows are in the order of the keys; the same selection of the same release is the same bytes.

        Raises:
            UnknownDatasetError, InvalidRequestError, StatementError: a name, a column or the filter is wrong.
            DigestError: other bytes came than those that the server names; nothing was written to `path`.
            OSError: the file cannot be written.
            UnknownReleaseError, RateLimitedError, UnavailableError, TransportError, …: see `RhapsodeError`.
        """
        parameters = {"dataset": dataset, "format": format, **_wire.release(release)}
        if (names := _wire.names(columns, "columns")) is not None:
            parameters["columns"] = ",".join(names)
        if filter is not None:
            parameters["filter"] = filter
        return _transfer.download(self._session, parameters, Path(path))

    def search(
        self,
        query: str,
        *,
        search: str | None = None,
        profile: str | None = None,
        mode: Mode | None = None,
        filter: str | Mapping[str, Any] | None = None,
        weights: Mapping[str, float] | None = None,
        typing: bool | None = None,
        expand: bool | None = None,
        related: bool | None = None,
        proximity: bool | None = None,
        rerank: bool | None = None,
        diversity: float | None = None,
        at_most: Mapping[str, int] | None = None,
        facets: Iterable[str] | None = None,
        highlight: bool | Mapping[str, Any] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        explain: bool | None = None,
        release: Release = None,
    ) -> SearchHits:
        """Pieces by their words and by their meaning, the best first.

            for hit in client.search("the sea at night", filter="decade < 1850", highlight=True)["hits"]:
                print(hit["key"], hit["score"], *hit["highlights"], sep="\\n")

        Args:
            query: words, `"phrases"` that must stand there, `-words` that must not, `year:1890..1910` for filters.
            search: which one, where there are several.
            profile: a recipe of the search's definition; what else is said here comes before it.
            mode: `keyword`, `semantic` or `hybrid`.
            filter: a condition in SQL over the search's filters, or its form as a mapping.
            weights: `{"keyword": 0.7, "semantic": 0.3}`, how much each counts in a hybrid answer.
            typing: whether words that no text has are read as those they are likely meant to be.
            expand: whether synonyms are looked for too.
            related: whether words near in meaning are looked for beside every word, not only beside unknown ones.
            proximity: whether words that stand in a text as they do in the query count more.
            rerank: whether the first hundred are ranked by how near their words are to those that no text has.
            diversity: 0 to 1, how much it counts that a piece is unlike those before it.
            at_most: `{"artist": 2}`, of the pieces with one value of a filter how many are found.
            facets: filters whose values are counted among all hits.
            highlight: whether hits have the lines that show why they were found, or `{"lines": 3, "before": "<b>", …}`.
            limit: hits of this page, 200 at most; 10 by default.
            cursor: the `next` of the page before.
            explain: whether hits say why they are where they are.
            release: a number or a tag; by default the newest.

        Raises:
            InvalidRequestError: an option is wrong; `field` says which one, `remedy` what was meant.
            NotFoundError: there is no such search.
            UnknownReleaseError, RateLimitedError, UnavailableError, TransportError, …: see `RhapsodeError`.
        """
        options: dict[str, Any] = {
            "query": query,
            "search": search,
            "profile": profile,
            "mode": mode,
            "filter": filter,
            "weights": weights,
            "typing": typing,
            "expand": expand,
            "related": related,
            "proximity": proximity,
            "rerank": rerank,
            "diversity": diversity,
            "at_most": at_most,
            "facets": None if facets is None else list(facets),
            "highlight": highlight,
            "limit": limit,
            "cursor": cursor,
            "explain": explain,
        }
        answer = self._session.ask_json("/api/search", _wire.release(release), _search.body(options))
        return cast(SearchHits, answer)

    def feedback(
        self,
        query: str,
        key: str,
        verdict: Verdict,
        *,
        search: str | None = None,
        profile: str | None = None,
        release: Release = None,
    ) -> FeedbackRecorded:
        """Says whether a hit was what was looked for. Said again, it is kept once; what is said last holds.

            hits = client.search("the sea at night")
            client.feedback("the sea at night", hits["hits"][0]["key"], "relevant", profile=hits["profile"])

        Args:
            query: what was asked.
            key: the `key` of the hit.
            verdict: `relevant` or `irrelevant`.
            search: which one, where there are several.
            profile: by which it was found; by default that of the key's experiment, or `default`.
            release: in which it was found, a number or a tag; by default the newest.

        Raises:
            InvalidRequestError: an option is wrong; `field` says which one, `remedy` what was meant.
            UnknownKeyError: no piece of the search has the key.
            UnknownReleaseError, RateLimitedError, UnavailableError, TransportError, …: see `RhapsodeError`.
        """
        options = {"query": query, "key": key, "verdict": verdict, "search": search, "profile": profile}
        answer = self._session.ask_json("/api/feedback", _wire.release(release), _search.body(options))
        return cast(FeedbackRecorded, answer)

    def recommendations(
        self,
        key_or_keys: Key | Iterable[Any] = (),
        *,
        text: str | None = None,
        like: Mapping[str, Any] | None = None,
        weights: Mapping[str, float] | None = None,
        filter: str | None = None,
        diversity: float | None = None,
        at_most: Mapping[str, int] | None = None,
        leave_out: Key | Iterable[Any] = (),
        limit: int | None = None,
        search: str | None = None,
        release: Release = None,
    ) -> Recommendations:
        """Pieces that are like others, or like what is wished for, the best first, and why.

            client.recommendations("t1", weights={"meaning": 1, "style": 0.5}, diversity=0.3)

        Args:
            key_or_keys: pieces to be like; of several join keys a tuple of their values, in order.
            text: what they are about, in words.
            like: values to be like, of features of the criteria.
            weights: how much each criterion of the search's definition counts; as the definition says by default.
            filter: which pieces are looked at: a condition in SQL over the search's filters.
            diversity: 0 to 1, how much it counts that a piece is unlike those before it.
            at_most: `{"artist": 2}`, of the pieces with one value of a filter how many are recommended.
            leave_out: pieces that are not recommended.
            limit: 200 at most; 10 by default.
            search: which search's criteria, where there are several.
            release: a number or a tag; by default the newest.

        Raises:
            UsageError: a key is of a type that cannot be sent.
            UnknownKeyError: there is no such piece.
            InvalidRequestError: an option is wrong; `field` says which one, `remedy` what was meant.
            NotFoundError: there is no such search, or it has no criteria.
            UnknownReleaseError, RateLimitedError, UnavailableError, TransportError, …: see `RhapsodeError`.
        """
        options = {
            "key": _search.keys(key_or_keys),
            "text": text,
            "like": None if like is None else _search.pairs(like),
            "weights": None if weights is None else _search.pairs(weights),
            "filter": filter,
            "diversity": None if diversity is None else str(diversity),
            "at_most": None if at_most is None else _search.pairs(at_most),
            "leave_out": _search.keys(leave_out),
            "limit": None if limit is None else str(limit),
            "search": search,
        }
        parameters = {name: value for name, value in options.items() if value}
        answer = self._session.read_json("/api/recommendations", {**parameters, **_wire.release(release)})
        return cast(Recommendations, answer)

    def trends(
        self,
        feature: str,
        time: str,
        *,
        by: str | None = None,
        period: str | int | None = None,
        filter: str | None = None,
        smooth: int | None = None,
        error_rate: float | None = None,
        limit: int | None = None,
        entity: str | None = None,
        release: Release = None,
    ) -> Trends:
        """How the values of a feature change over time, and which rise or fall by more than chance.

            trends = client.trends("theme", "year", period=10)
            pandas.DataFrame(trends["rows"]).pivot(index="period", columns="value", values="smoothed").plot()

        Args:
            feature: whose values are counted, each of a list; of a number it is the mean.
            time: the feature that is the time: a whole number, a date or a timestamp.
            by: the feature whose values are the groups, 50 at most.
            period: how time is cut: of numbers how many together, of dates `day`, `week`, `month`, `quarter`, `year`,
                `decade`.
            filter: which pieces are counted: a condition in SQL.
            smooth: periods that are taken together in `smoothed`, an odd number; 3 by default.
            error_rate: how much of what is told to rise or fall may be chance; 0.05 by default.
            limit: values that are shown, the commonest, besides those that rise or fall; 10 by default.
            entity: by default the only one that has these features.
            release: a number or a tag; by default the newest.

        Raises:
            UnknownFeatureError: there is no such feature.
            InvalidRequestError: an option is wrong; `field` says which one, `remedy` what was meant.
            UnknownReleaseError, RateLimitedError, UnavailableError, TransportError, …: see `RhapsodeError`.
        """
        options = {
            "feature": feature,
            "time": time,
            "by": by,
            "period": period,
            "filter": filter,
            "smooth": smooth,
            "error_rate": error_rate,
            "limit": limit,
            "entity": entity,
        }
        parameters = {**_search.told(options), **_wire.release(release)}
        return cast(Trends, self._session.read_json("/api/trends", parameters))

    def trend_chart(
        self,
        feature: str,
        time: str,
        *,
        by: str | None = None,
        period: str | int | None = None,
        filter: str | None = None,
        smooth: int | None = None,
        error_rate: float | None = None,
        limit: int | None = None,
        entity: str | None = None,
        release: Release = None,
    ) -> dict[str, Any]:
        """The same as a chart: a specification in Vega-Lite.

            altair.Chart.from_dict(client.trend_chart("theme", "year", period=10))

        Args and raises as `trends`.
        """
        options = {
            "feature": feature,
            "time": time,
            "by": by,
            "period": period,
            "filter": filter,
            "smooth": smooth,
            "error_rate": error_rate,
            "limit": limit,
            "entity": entity,
        }
        parameters = {**_search.told(options), **_wire.release(release)}
        return self._session.read_json("/api/trends", parameters, accept=_search.VEGA_LITE)

    def patterns(
        self,
        success: str | None = None,
        *,
        slice: str | None = None,
        by: str | None = None,
        time: str | None = None,
        period: str | int | None = None,
        filter: str | None = None,
        error_rate: float | None = None,
        limit: int | None = None,
        entity: str | None = None,
        release: Release = None,
    ) -> Patterns:
        """What goes with success, or sets a slice of the corpus apart from the rest. Associations, not causes.

            pandas.DataFrame(client.patterns("purchases_count_all", by="genre", time="year")["patterns"])

        Args:
            success: the feature that measures it: a number or a bool.
            slice: instead of it, a condition in SQL, whose pieces are compared with the rest.
            by: the feature within whose values pieces are compared.
            time: the feature within whose periods they are: a whole number, a date or a timestamp.
            period: how time is cut: of numbers how many together, of dates `day`, `week`, `month`, `quarter`, `year`,
                `decade`.
            filter: which pieces are looked at: a condition in SQL.
            error_rate: how much of what is told may be chance; 0.05 by default.
            limit: patterns that are told; 50 by default.
            entity: by default the only one that has these features.
            release: a number or a tag; by default the newest.

        Raises:
            UnknownFeatureError: there is no such feature.
            InvalidRequestError: an option is wrong; `field` says which one, `remedy` what was meant.
            UnknownReleaseError, RateLimitedError, UnavailableError, TransportError, …: see `RhapsodeError`.
        """
        options = {
            "success": success,
            "slice": slice,
            "by": by,
            "time": time,
            "period": period,
            "filter": filter,
            "error_rate": error_rate,
            "limit": limit,
            "entity": entity,
        }
        parameters = {**_search.told(options), **_wire.release(release)}
        return cast(Patterns, self._session.read_json("/api/patterns", parameters))

    def catalogue(self, release: Release = None) -> Catalogue:
        """All definitions of a release: entities, views, features with types, units, versions and statistics.

            for view in client.catalogue()["entities"][0]["views"]:
                for feature in view["features"]:
                    print(feature["name"], feature["dtype"], feature["unit"], feature["description"])

        Raises:
            UnknownReleaseError, RateLimitedError, UnavailableError, TransportError, …: see `RhapsodeError`.
        """
        return cast(Catalogue, self._session.read_json("/api/features", _wire.release(release)))

    def releases(self) -> Releases:
        """All releases, the newest first, and which one `latest` is.

            client.releases()["latest"]   # 7

        Raises:
            RateLimitedError, UnavailableError, TransportError, …: see `RhapsodeError`.
        """
        return cast(Releases, self._session.read_json("/api/releases", {}))

    def close(self) -> None:
        """Closes the connections. The client cannot be used any more."""
        self._session.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        with_key = "with a key" if self._session.settings.key is not None else "without a key"
        return f"<rhapsode.Client of {self.url}, {with_key}>"
