"""What revocation lists are worth: whose they are, how long they hold, and which issuer is without one (WIRE 3.3).

Pure. A list that nobody under the root can have signed is refused when it is read; whatever else is wrong refuses no
box, for a list that is late must not silence a bank, but it shows. Flow: keys.py and the pipeline -> here -> log,
/healthz, /metrics.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from protocol.certificates import issuer_names, signed_by
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

HOLDS_FOR: Final = timedelta(days=7)
"""For how long a list holds that does not say it (WIRE 3.3)."""


class ListFault(StrEnum):
    """What is wrong, the gravest first."""

    FOREIGN = "foreign"  # named as an issuer that is known, signed by somebody else
    MISSING = "missing"  # a box's issuer without any list
    OVER = "over"  # past its nextUpdate


SENTENCES: Final = {
    ListFault.FOREIGN: N_("The revocation list of {issuer} is signed by somebody else; it revokes nobody"),
    ListFault.MISSING: N_("{issuer} has no revocation list; its revoked boxes are still heard"),
    ListFault.OVER: N_("The revocation list of {issuer} is past its time; fetch the new one from the authority"),
}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One fault and whose list it is; `since` where the list itself tells it."""

    fault: ListFault
    issuer: str
    since: datetime | None = None

    @property
    def said(self) -> Said:
        """The sentence for log and page."""
        return said(SENTENCES[self.fault], issuer=self.issuer)


class Lists:
    """Some lists beside the issuers that are known; signatures are checked once, when this is made."""

    def __init__(self, crls: Iterable[x509.CertificateRevocationList], issuers: Collection[x509.Certificate]) -> None:
        self._ends: dict[str, datetime] = {}
        self._foreign: set[str] = set()
        covered: set[x509.Certificate] = set()
        for crl in crls:
            named = [issuer for issuer in issuers if issuer.subject == crl.issuer]
            signers = [issuer for issuer in named if signed_by(crl, issuer)]
            name = _name_of(crl.issuer)
            if named and not signers:
                self._foreign.add(name)
                continue
            covered.update(signers)
            # Of two lists of one issuer the one that holds longer counts.
            self._ends[name] = max(end_of(crl), self._ends.get(name, end_of(crl)))
        self._bare = [issuer for issuer in issuers if issuer not in covered]

    def judge(self, now: datetime) -> tuple[Shown, ...]:
        """What is wrong at `now`; an issuer whose own time is over needs no list."""
        bare = {_name_of(issuer.subject) for issuer in self._bare if now <= issuer.not_valid_after_utc}
        return (
            *(Shown(fault=ListFault.FOREIGN, issuer=name) for name in sorted(self._foreign)),
            *(Shown(fault=ListFault.MISSING, issuer=name) for name in sorted(bare - self._foreign)),
            *(
                Shown(fault=ListFault.OVER, issuer=name, since=end)
                for name, end in sorted(self._ends.items(), key=lambda each: each[1])
                if now > end
            ),
        )


def end_of(crl: x509.CertificateRevocationList) -> datetime:
    """Until when a list holds."""
    return crl.next_update_utc or crl.last_update_utc + HOLDS_FOR


def is_foreign(
    crl: x509.CertificateRevocationList, root: x509.Certificate, issuers: Iterable[x509.Certificate]
) -> bool:
    """Whether no issuer under `root` can have signed it: not the known one of its name, or no issuer has that name."""
    named = [each for each in (root, *issuers) if each.subject == crl.issuer]
    if named:
        return not any(signed_by(crl, issuer) for issuer in named)
    names = issuer_names(root)
    return bool(names) and crl.issuer not in names


def _name_of(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if len(common) == 1 else name.rfc4514_string()
