"""The top of the command line: what a person sees when a word is wrong, a part is missing or something breaks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import branchwatch

TOP = Path(branchwatch.__file__)
PATH = "/usr/bin:/bin"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """The command as a person starts it."""
    command = [sys.executable, str(TOP), *words]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": PATH}, timeout=30)


def run_with(folder: Path, word: str, code: str, then: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Run one word in a folder where the module behind it is the given code; `then` is added to the shell line."""
    package, _, module = branchwatch.WORDS[word].module.partition(".")
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text("")
    (folder / package / f"{module}.py").write_text(code)
    (folder / TOP.name).write_bytes(TOP.read_bytes())
    return subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" {TOP.name} {word} {then}'],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": PATH, "XDG_STATE_HOME": str(folder / "state"), **env},
        timeout=30,
    )


def test_help_teaches_each_word_with_an_example() -> None:
    """`branchwatch --help` gives one worked example for each word, and exits 0."""
    seen = run("--help")
    assert seen.returncode == 0
    assert all(f"$ {word.example}" in seen.stdout for word in branchwatch.WORDS.values())


def test_no_word_gets_the_help_and_exit_2() -> None:
    """Nothing typed is wrong input; the help says what to type."""
    seen = run()
    assert (seen.returncode, seen.stdout) == (2, "")
    assert "branchwatch demo" in seen.stderr


def test_an_unknown_word_gets_a_suggestion() -> None:
    """A slip of the finger is met by the word that was meant, and exit 2."""
    seen = run("colector")
    assert seen.returncode == 2
    assert 'Did you mean "collector"?' in seen.stderr


def test_a_missing_library_names_the_next_step(tmp_path: Path) -> None:
    """A box without the centre's parts says so in a sentence with the command that adds them."""
    seen = run_with(tmp_path, "collector", "import a_web_framework_that_is_not_here")
    assert seen.returncode == 2
    assert 'pip install "branchwatch[collector]"' in seen.stderr
    assert "Traceback" not in seen.stderr


def test_what_should_not_happen_is_logged_not_shown(tmp_path: Path) -> None:
    """An unexpected error is one sentence and a private file with the details; later words are not written down."""
    seen = run_with(tmp_path, "agent", "def main(argv):\n    raise ValueError('inside')")
    log = tmp_path / "state" / "branchwatch" / "errors.log"
    assert seen.returncode == 1
    assert len(seen.stderr.splitlines()) == 1
    assert str(log) in seen.stderr
    assert "ValueError: inside" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_debugging_shows_the_traceback(tmp_path: Path) -> None:
    """With BRANCHWATCH_DEBUG a contributor sees where it broke."""
    seen = run_with(tmp_path, "agent", "def main(argv):\n    raise ValueError('inside')", BRANCHWATCH_DEBUG="1")
    assert "Traceback" in seen.stderr


@pytest.mark.parametrize(
    ("code", "expected"),
    [("raise KeyboardInterrupt", 130), ("raise SystemExit(3)", 3), ("return 1", 1), ("raise SystemExit", 0)],
)
def test_a_command_ends_with_its_own_code(tmp_path: Path, code: str, expected: int) -> None:
    """Ctrl-C is 130 without a traceback; other exits pass through unchanged."""
    seen = run_with(tmp_path, "agent", f"def main(argv):\n    {code}")
    assert (seen.returncode, seen.stderr) == (expected, "")


def test_a_reader_that_left_is_no_error(tmp_path: Path) -> None:
    """`branchwatch verify FILE | head -1` ends without a word about pipes."""
    code = "def main(argv):\n    for _ in range(100000):\n        print('x' * 80)\n    return 0"
    seen = run_with(tmp_path, "verify", code, then="| head -1")
    assert seen.stderr == ""
