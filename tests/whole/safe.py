"""A bank's backups: the key, two places, making one and going back to it, by the commands that people type."""

from __future__ import annotations

import shutil
from pathlib import Path

from collector.backup.crypt import new_identity
from tests.whole.bank import BRANCHWATCH, READY_S, Bank


class Safe:
    """Two places beside the bank, and the identity that opens what lies in them."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self.first, self.second = bank.folder / "safe-1", bank.folder / "safe-2"
        self.identity = bank.folder / "backup.identity"
        key = new_identity()
        self.identity.write_text(f"# public key: {key.recipient}\n{key.secret}\n", encoding="ascii")
        for place in (self.first, self.second):
            place.mkdir()
        table = f'\n[backup]\nrecipient = "{key.recipient}"\nfolder = "{self.first}"\nsecond = "{self.second}"\n'
        bank.config.write_text(bank.config.read_text(encoding="utf-8") + table, encoding="utf-8")

    def back_up(self) -> Path:
        """`branchwatch collector backup`; the file in the second place."""
        self._run("backup", "--config", self._bank.config)
        made = max(self.first.iterdir())
        copy = self.second / made.name
        assert copy.read_bytes() == made.read_bytes()
        return copy

    def restore(self, backup: Path, into: Path) -> str:
        """`branchwatch collector restore`; what it said."""
        trust = self._bank.certificates.root
        return self._run("restore", backup, "--identity", self.identity, "--into", into, "--trust", trust)

    def go_back(self, backup: Path) -> None:
        """Put the database of a backup in the place of the centre's, as restore's next steps say."""
        into = self._bank.folder / f"restored-{backup.name}"
        self.restore(backup, into)
        (database,) = into.rglob("*.sqlite")
        live = self._bank.database
        for name in (live.name, f"{live.name}-wal", f"{live.name}-shm"):
            live.with_name(name).unlink(missing_ok=True)
        shutil.move(database, live)

    def drill(self, backup: Path) -> str:
        """`branchwatch collector restore --drill`; what it said."""
        return self._run("restore", backup, "--identity", self.identity, "--drill", "--config", self._bank.config)

    def _run(self, *words: str | Path) -> str:
        process = self._bank.run(*BRANCHWATCH, "collector", *words, name=str(words[0]))
        code = process.wait(READY_S)
        assert code == 0, process.tail()
        return process.output()
