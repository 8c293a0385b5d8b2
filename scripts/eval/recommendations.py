"""Measures recommendations on songs that a hymnal has under one heading: `make eval GOLD=DIR` runs it.

    python scripts/eval/recommendations.py --binary rhapsode --gold DIR

The songs of DIR/ir/hymn_themes go through the shipped definitions. For each song that shares a heading with others, ten are
recommended; those under a heading of it are right. Printed are, by criterion and at rising `diversity`:

- nDCG@10, with its 95 % interval (bootstrap over songs);
- intra-list diversity: one less the mean cosine between two of the ten (vectors of their meaning);
- coverage: the share of all songs that is recommended to any;
- novelty: the mean of -log2 of the share of lists that a recommended song is in (Vargas & Castells 2011).
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from itertools import combinations
from math import log2
from pathlib import Path
from urllib.parse import quote, urlencode

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "bench"), str(ROOT / "scripts" / "eval")]
from report import Client  # noqa: E402
from search import run  # noqa: E402
from server import Server  # noqa: E402

TOP = 10
CRITERIA = ("", "meaning:1", "theme:1", "mood:1", "style:1")
"""What counts: nothing said is as the definition weighs all of them."""
DIVERSITIES = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)


def songs(gold: Path) -> tuple[list[dict[str, str]], dict[str, set[str]]]:
    """The songs, and by song those that stand under a heading of it."""
    with gzip.open(gold / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    under: dict[str, set[str]] = {}
    for line in (gold / "qrels/test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        heading, song, _ = line.split("\t")
        under.setdefault(heading, set()).add(song)
    alike: dict[str, set[str]] = {}
    for of_heading in under.values():
        for song in of_heading:
            alike.setdefault(song, set()).update(of_heading - {song})
    return rows, {song: others for song, others in alike.items() if others}


def ndcg(ranked: list[str], right: set[str]) -> float:
    gained = sum(1 / log2(rank + 2) for rank, key in enumerate(ranked) if key in right)
    return gained / sum(1 / log2(rank + 2) for rank in range(min(TOP, len(right))))


def interval(values: list[float]) -> tuple[float, float]:
    draw = random.Random(1)
    means = sorted(sum(draw.choices(values, k=len(values))) / len(values) for _ in range(1_000))
    return means[25], means[974]


def measured(client: Client, alike: dict[str, set[str]], count: int, vectors: dict[str, list[float]], options: dict[str, str]) -> str:
    gains, apart, lists = [], [], []
    for song, right in alike.items():
        asked = urlencode({"key": quote(song, safe=""), "limit": str(TOP), **options})
        pieces = json.loads(client.send("GET", f"/api/recommendations?{asked}"))["recommendations"]
        ranked = [piece["key"] for piece in pieces]
        gains.append(ndcg(ranked, right))
        known = [vectors[key] for key in ranked if key in vectors]
        cosines = [sum(a * b for a, b in zip(one, other, strict=True)) for one, other in combinations(known, 2)]
        apart.append(1 - sum(cosines) / len(cosines))
        lists.append(ranked)
    often = Counter(key for ranked in lists for key in ranked)
    novelty = [-log2(often[key] / len(lists)) for ranked in lists for key in ranked]
    low, high = interval(gains)
    return (
        f"nDCG@10 {sum(gains) / len(gains):.4f} [{low:.3f}, {high:.3f}]  intra-list diversity {sum(apart) / len(apart):.4f}"
        f"  coverage {len(often) / count:.3f}  novelty {sum(novelty) / len(novelty):.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--gold", type=Path, required=True)
    asked = parser.parse_args()
    rows, alike = songs(asked.gold / "ir" / "hymn_themes")
    folder = Path(tempfile.mkdtemp())
    project = folder / "project"
    shutil.copytree(ROOT / "feature_defs", project / "feature_defs")
    (project / "rhapsode.toml").write_text("")
    file = project / "songs.jsonl"
    tracks = [{"track_id": row["_id"], "title": row["title"], "lyrics": row["text"], "language": "en"} for row in rows]
    file.write_text("".join(f"{json.dumps(track)}\n" for track in tracks), encoding="utf-8")
    run([asked.binary, "--project", project, "ingest", "tracks", file])
    run([asked.binary, "--project", project, "build"])
    server = Server(str(asked.binary), project, "127.0.0.1:0", "127.0.0.1:0", folder / "server.log")
    try:
        client = Client(server.address)
        keys = [row["_id"] for row in rows]
        body = json.dumps({"keys": keys, "entity": "track", "feature": "meaning"}).encode()
        answer = json.loads(client.send("POST", "/api/embeddings/batch", body))
        vectors = {key: vector for key, vector in zip(keys, answer["embeddings"], strict=True) if vector}
        print(f"recommendations: {len(alike)} songs that share a heading with others, of {len(rows)}")
        for weights in CRITERIA:
            options = {"weights": weights} if weights else {}
            print(f"  {weights or 'all criteria':14} {measured(client, alike, len(rows), vectors, options)}")
        for diversity in DIVERSITIES:
            shown = measured(client, alike, len(rows), vectors, {"diversity": str(diversity)})
            print(f"  {f'diversity {diversity}':14} {shown}")
    finally:
        server.stop(signal.SIGTERM)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
