"""`provision audit`: the record line by line, its chain, and what else in the folder must agree with it.

The chain alone cannot show that its end was cut off; the root, the lists and their numbers, which stand outside it,
can. Decides and prints nothing. Flow: command.py -> here -> record_file.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from protocol.certificates import Issuer
from protocol.ledger import Position
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning import deeds
from provisioning.issuing import crl_number
from provisioning.keeping import ROOT, load_certificate, load_crl
from provisioning.record import Act, Entry
from provisioning.record_file import RECORD, read_record
from provisioning.refusal import RefusedError


class AuditError(RefusedError):
    """The folder and its record contradict each other."""


@dataclass
class Audit:
    """Read `entries` to the end, then `check`."""

    folder: Path
    position: Position | None = None
    _first: Entry | None = None
    _lists: dict[str, Entry] = field(default_factory=dict)

    def entries(self) -> Iterator[Entry]:
        """Each entry as it stands in the record.

        Raises:
            RecordBrokenError: at the first line that does not continue the chain.
        """
        for entry, position in read_record(self.folder / RECORD):
            self.position = position
            self._first = self._first or entry
            if entry.act is Act.LISTED:
                self._lists[entry.facts.get("issuer", "")] = entry
            yield entry

    def check(self) -> list[Issuer]:
        """The issuers whose list on disk is older than the record says: a crash came between, or an old copy is back.

        Raises:
            AuditError: root or lists speak against the record.
            KeepingError: one of them cannot be read.
        """
        root = load_certificate(self.folder / f"{ROOT}.pem")
        if self._first is None or self._first.facts.get(ROOT) != deeds.digest_of(root):
            raise AuditError(N_("{path} is not the record of this root"), path=self.folder / RECORD)
        return [issuer for issuer in Issuer if self._is_old(issuer)]

    def _is_old(self, issuer: Issuer) -> bool:
        path = self.folder / f"{issuer.value}.crl"
        crl = load_crl(path)
        said = self._lists.get(issuer.value)
        number = int(said.facts["number"]) if said is not None else 0
        if crl_number(crl) < number:
            return True
        if said is None or crl_number(crl) > number or said.facts["crl"] != deeds.digest_of_crl(crl):
            raise AuditError(
                N_(
                    "{path} is list {number}, which the record does not know: the record's end is missing, or the list "
                    "is not of this authority"
                ),
                path=path,
                number=crl_number(crl),
            )
        return False
