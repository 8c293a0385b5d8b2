"""Searches and recommendations: what is asked, and what comes of it."""

from __future__ import annotations

import json

import httpx
import pytest

import rhapsode

from fake import Fake, answers, problem

HITS = {"release": 7, "search": "verse", "hits": [{"key": "t1", "score": 0.5, "features": {}}], "next": None}


def test_a_search_sends_what_is_said_and_nothing_else() -> None:
    fake = Fake(answers(httpx.Response(200, json=HITS)))
    with fake.client() as client:
        found = client.search("the sea", filter={"year": {"gt": 1900}}, facets=("decade",), highlight=True, release=7)
    assert found["hits"][0]["key"] == "t1"
    [request] = fake.requests
    assert (request.method, request.url.path, request.url.params["release"]) == ("POST", "/api/search", "7")
    sent = {"query": "the sea", "filter": {"year": {"gt": 1900}}, "facets": ["decade"], "highlight": True}
    assert json.loads(request.content) == sent


def test_a_search_is_tried_again_as_other_requests_are() -> None:
    fake = Fake(answers(problem(503, "busy"), httpx.Response(200, json=HITS)))
    with fake.client() as client:
        assert client.search("the sea")["release"] == 7
    assert len(fake.requests) == 2


def test_feedback_is_sent_as_it_is_said() -> None:
    recorded = {"release": 7, "search": "verse", "profile": "default", "recorded": "new", "experiment": None}
    fake = Fake(answers(httpx.Response(200, json=recorded)))
    with fake.client() as client:
        assert client.feedback("the sea", "t1", "relevant", profile="default", release=7)["recorded"] == "new"
    [request] = fake.requests
    assert (request.method, request.url.path, request.url.params["release"]) == ("POST", "/api/feedback", "7")
    assert json.loads(request.content) == {"query": "the sea", "key": "t1", "verdict": "relevant", "profile": "default"}


def test_recommendations_name_keys_as_urls_do() -> None:
    answer = {"release": 7, "search": "verse", "recommendations": [], "weights": {}}
    fake = Fake(answers(*[httpx.Response(200, json=answer)] * 4))
    with fake.client() as client:
        client.recommendations("a;b", weights={"meaning": 1, "style": 0.5}, leave_out=["t2", 3])
        client.recommendations(("a", 2))
        client.recommendations([("a", 2), ("b,c", 3)], diversity=0.0, limit=5)
        client.recommendations(like={"valence": 0.8}, text="a storm", at_most={"artist": 2})
    asked = [dict(request.url.params) for request in fake.requests]
    assert asked == [
        {"key": "a%3Bb", "weights": "meaning:1,style:0.5", "leave_out": "t2;3"},
        {"key": "a,2"},
        {"key": "a,2;b%2Cc,3", "diversity": "0.0", "limit": "5"},
        {"like": "valence:0.8", "text": "a storm", "at_most": "artist:2"},
    ]


def test_what_is_no_key_is_not_sent() -> None:
    fake = Fake(answers())
    with fake.client() as client, pytest.raises(rhapsode.UsageError, match="a key is a str or an int"):
        client.recommendations([1.5])
    assert fake.requests == []


def test_trends_and_their_chart_are_asked_for_at_one_address() -> None:
    answer = {"release": 7, "rows": [{"period": 1900, "value": "love", "share": 0.5}], "risers": [], "fallers": []}
    chart = httpx.Response(200, json={"layer": []}, headers={"content-type": "application/vnd.vegalite+json"})
    fake = Fake(answers(httpx.Response(200, json=answer), chart))
    with fake.client() as client:
        assert client.trends("theme", "year", period=10, release=7)["rows"][0]["share"] == 0.5
        assert client.trend_chart("theme", "year", by="language", error_rate=0.1) == {"layer": []}
    first, second = fake.requests
    assert dict(first.url.params) == {"feature": "theme", "time": "year", "period": "10", "release": "7"}
    assert dict(second.url.params) == {"feature": "theme", "time": "year", "by": "language", "error_rate": "0.1"}
    assert second.headers["accept"] == "application/vnd.vegalite+json"


def test_patterns_are_of_success_or_of_a_slice() -> None:
    answer = {"release": 7, "patterns": [{"feature": "length", "effect": -0.3}]}
    fake = Fake(answers(*[httpx.Response(200, json=answer)] * 2))
    with fake.client() as client:
        assert client.patterns("plays", by="genre", limit=5)["patterns"][0]["effect"] == -0.3
        client.patterns(slice="decade < 1850", release="best")
    asked = [dict(request.url.params) for request in fake.requests]
    assert asked == [{"success": "plays", "by": "genre", "limit": "5"}, {"slice": "decade < 1850", "release": "best"}]
