"""`provision audit` of an enrolment: its record line by line, its chain, and what else must agree with it.

The chain alone cannot show that its end was cut off; the store, which remembers how far it has read, can.
Decides and prints nothing. Flow: authority_words.py -> here -> record_file.py.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from protocol.certificates import Issuer
from protocol.ledger import Position
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning import deeds
from provisioning.auditing import AuditError
from provisioning.enrolment.book import STORE, place_in, store_said
from provisioning.keeping import ROOT, load_certificate
from provisioning.record import Entry, Fault, RecordBrokenError
from provisioning.record_file import RECORD, Place, RecordError, read_record


class EnrolmentAudit:
    """Read `entries` to the end, then `check`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.position: Position | None = None
        self._first: Entry | None = None
        self._remembered = self._place()
        self._agrees = self._remembered is None

    def entries(self) -> Iterator[Entry]:
        """Each entry as it stands in the record.

        Raises:
            RecordBrokenError: at the first line that does not continue the chain.
        """
        for entry, position in read_record(self.folder / RECORD):
            self.position = position
            self._first = self._first or entry
            self._agrees = self._agrees or (self._remembered is not None and position == self._remembered[0])
            yield entry

    def check(self) -> list[Issuer]:
        """Nothing that is merely old: the lists are the authority's.

        Raises:
            AuditError: root or store speak against the record.
        """
        root = load_certificate(self.folder / f"{ROOT}.pem")
        if self._first is None or self._first.facts.get(ROOT) != deeds.digest_of(root):
            raise AuditError(N_("{path} is not the record of this root"), path=self.folder / RECORD)
        if not self._agrees:
            raise AuditError(
                N_("{path} remembers a line that the record does not have: the record's end is missing or another's"),
                path=self.folder / STORE,
            )
        return []

    def _place(self) -> Place | None:
        store = self.folder / STORE
        if not store.exists():
            return None
        try:
            # Not read-only: what a crash left half written is rolled back by whoever opens the store next.
            with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=rw", uri=True)) as db:
                return place_in(db)
        except sqlite3.Error as error:
            raise AuditError(N_("{path} cannot be read: {reason}"), path=store, reason=store_said(error)) from None


def require_whole(folder: Path) -> None:
    """Read the record of an enrolment from its first line, before anything is written behind it.

    Raises:
        RecordError: it breaks somewhere.
        AuditError: root or store speak against it.
    """
    audit = EnrolmentAudit(folder)
    try:
        for _ in audit.entries():
            pass
    except RecordBrokenError as broken:
        if broken.fault is Fault.CUT_OFF:
            return  # of a crash; the next act takes the torn line away
        raise RecordError(
            N_(
                "{path} is broken at line {line}; nothing was done. "
                "Next step: branchwatch provision audit --dir {folder}"
            ),
            path=folder / RECORD,
            line=broken.line,
            folder=folder,
        ) from None
    audit.check()
