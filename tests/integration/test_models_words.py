"""`branchwatch agent models`: what lies where, and fetching over HTTPS exactly the pinned file or nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from protocol.people_models import DEFAULT, MODELS, Model
from tests.https_place import HttpsPlace, https_place, send
from tests.people_data import data_folder

WANTED = MODELS[DEFAULT][0]
XML, WEIGHTS = WANTED.files


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsPlace]:
    """A place with both true files of the default model where there is data."""
    with https_place(tmp_path_factory.mktemp("place")) as place:
        yield place


@pytest.fixture
def place(served: HttpsPlace) -> HttpsPlace:
    """The same with true files, as it is before a test spoils it."""
    served.answer = None
    served.asked.clear()
    served.files = true_files(WANTED)
    return served


def true_files(model: Model) -> dict[str, bytes]:
    """By the paths of the official place."""
    folder = data_folder() / "models" / model.name / model.precision
    return {f"/{model.name}/{model.precision}/{each.name}": (folder / each.name).read_bytes() for each in model.files}


def path_of(name: str) -> str:
    """Of a file of the default model."""
    return f"/{WANTED.name}/{WANTED.precision}/{name}"


def models(state: Path, *words: str, language: str = "C.UTF-8") -> subprocess.CompletedProcess[str]:
    """The command as a person types it, with no models but those of the state folder."""
    code = "import sys, branchwatch; sys.exit(branchwatch.main())"
    command = [sys.executable, "-c", code, "agent", "models", "--state", str(state), *words]
    environment = {"LANG": language, "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=50, check=False)


def got(state: Path, place: HttpsPlace, *words: str) -> subprocess.CompletedProcess[str]:
    """The same, fetching from the place."""
    return models(state, "--get", "--from", place.address, "--ca", str(place.authority), *words)


def kept(state: Path) -> list[str]:
    """What lies in the cache: nothing half, nothing beside."""
    folder = state / "models"
    return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []


def test_a_model_is_fetched_checked_and_used(place: HttpsPlace, tmp_path: Path) -> None:
    """Both files, for their owner only; a second time nothing is asked for; the hashes are shown."""
    first = got(tmp_path, place)
    assert f"{WANTED.title}: fetched into {tmp_path}/models." in first.stdout
    assert f"{WANTED.title}: in use, in {tmp_path}/models" in first.stdout
    assert all(f"sha384 {each.sha384}" in first.stdout for each in WANTED.files)
    assert kept(tmp_path) == sorted(WANTED.flat(each) for each in WANTED.files)
    assert all((tmp_path / "models" / name).stat().st_mode & 0o777 == 0o600 for name in kept(tmp_path))
    place.asked.clear()
    second = got(tmp_path, place)
    assert "lies in" in second.stdout
    assert place.asked == []


def test_the_other_model_and_precision_are_fetched_when_named(place: HttpsPlace, tmp_path: Path) -> None:
    """For a short processor the smaller one."""
    small = MODELS["person-vehicle-bike-detection-2000"][1]
    place.files = true_files(small)
    told = got(tmp_path, place, "--model", small.name, "--precision", small.precision, "--json")
    facts = json.loads(told.stdout)
    assert facts["used"] == small.title
    assert [(each["model"], each["precision"], each["state"]) for each in facts["models"]] == [
        (small.name, small.precision, "right")
    ]


def test_a_changed_file_is_refused_and_named(place: HttpsPlace, tmp_path: Path) -> None:
    """One bit is enough; the file is not kept, the right one of the two is."""
    weights = place.files[path_of(WEIGHTS.name)]
    place.files[path_of(WEIGHTS.name)] = bytes([weights[0] ^ 1]) + weights[1:]
    told = got(tmp_path, place)
    assert told.returncode == 1
    assert f"{place.address}{path_of(WEIGHTS.name)} has another SHA-384" in told.stderr
    assert kept(tmp_path) == [WANTED.flat(XML)]


def test_a_web_page_that_answers_200_is_refused(place: HttpsPlace, tmp_path: Path) -> None:
    """What the official server does for a wrong path, and a bank's proxy for a forbidden one."""
    place.answer = lambda handler: send(handler, b"\n<!DOCTYPE html><html><body>Sign in</body></html>")
    told = got(tmp_path, place)
    assert told.returncode == 1
    assert "is a web page, not a model" in told.stderr
    assert kept(tmp_path) == []


def test_an_endless_answer_is_cut_at_the_file_s_size(place: HttpsPlace, tmp_path: Path) -> None:
    """Nobody fills the box's disk."""
    sent = []

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with suppress(OSError):
            for _ in range(1000):
                handler.wfile.write(bytes(64 * 1024))
                sent.append(1)

    place.answer = endless
    told = got(tmp_path, place)
    assert told.returncode == 1
    assert "has another SHA-384" in told.stderr
    assert len(sent) < 1000
    assert kept(tmp_path) == []


def test_a_download_that_breaks_off_keeps_nothing(place: HttpsPlace, tmp_path: Path) -> None:
    """It says how far it came, and what to do; exit code 3."""
    place.answer = lambda handler: send(handler, place.files[path_of(XML.name)][:1000], length=XML.size)
    told = got(tmp_path, place)
    assert told.returncode == 3
    assert f"broke off after 1000 of {XML.size} bytes" in told.stderr
    assert kept(tmp_path) == []


def test_a_place_without_the_file_is_said(place: HttpsPlace, tmp_path: Path) -> None:
    """Its answer's number stands in the sentence."""
    place.files.clear()
    told = got(tmp_path, place)
    assert told.returncode == 3
    assert "it answers 404" in told.stderr


def test_a_place_that_nobody_vouches_for_is_not_believed(place: HttpsPlace, tmp_path: Path) -> None:
    """Without --ca this machine's own authorities count; nothing is asked of a stranger."""
    told = models(tmp_path, "--get", "--from", place.address)
    assert told.returncode == 3
    assert "its certificate is of no authority that this machine trusts" in told.stderr
    assert place.asked == []


def test_nowhere_is_gone_without_https(place: HttpsPlace, tmp_path: Path) -> None:
    """Not by what is typed, and not by a redirection."""
    assert models(tmp_path, "--get", "--from", "http://127.0.0.1/").returncode == 2

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "http://127.0.0.1:9/model.xml")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    place.answer = elsewhere
    told = got(tmp_path, place)
    assert told.returncode == 3
    assert "without HTTPS" in told.stderr


def test_a_full_disk_keeps_what_was_there(place: HttpsPlace, tmp_path: Path) -> None:
    """One sentence, nothing half."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        told = got(disk, place)
        assert told.returncode == 1
        assert "cannot be written: No space left on device. Nothing was kept." in told.stderr
        assert kept(disk) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_without_any_model_it_says_what_then(tmp_path: Path) -> None:
    """The next step, and that presence is found by what moves until then; in Chinese too."""
    told = models(tmp_path)
    assert told.returncode == 1
    assert "Next step: branchwatch agent models --get" in told.stdout
    assert "by what moves" in told.stdout
    assert "下一步" in models(tmp_path, language="zh_CN.UTF-8").stdout


def test_a_wrong_file_in_the_folder_is_named(place: HttpsPlace, tmp_path: Path) -> None:
    """A model that somebody changed is refused wherever it lies, and the next good one is used."""
    got(tmp_path, place)
    given = tmp_path / "given"
    given.mkdir()
    (given / WANTED.flat(XML)).write_bytes(b"<?xml version='1.0'?>")
    (given / WANTED.flat(WEIGHTS)).write_bytes(b"")
    told = models(tmp_path, "--models", str(given))
    assert f"refused: {given / WANTED.flat(XML)} has 21 bytes and not {XML.size}" in told.stdout
    assert f"{WANTED.title}: in use, in {tmp_path}/models" in told.stdout


@pytest.mark.parametrize("words", [("--model", "yolo"), ("--precision", "FP4"), ("--get", "--ca", "/dev/null")])
def test_what_is_typed_wrong_is_told(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Exit code 2, one sentence."""
    told = models(tmp_path, *words)
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1
