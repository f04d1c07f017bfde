"""The authority's side of an enrolment: what was issued there counts when it revokes, and its lists go there.

While the authority writes its lists nobody enrols or renews: a box either stands in the record that was read, or asks
when the new lists already lie there. Flow: `provision revoke | crl --enrolment` -> here.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from provisioning import deeds
from provisioning.enrolment.folder import FolderError, require_enrolment
from provisioning.keeping import CRLS, PUBLIC_MODE, ROOT, load_certificate, write_whole
from provisioning.record import Act, Entry
from provisioning.record_file import RECORD, hold_record


@contextmanager
def issued_elsewhere(enrolment: Path | None, authority: Path) -> Iterator[Sequence[Entry]]:
    """The enrolment's record, held; afterwards the authority's lists are copied there. With no enrolment, nothing.

    Raises:
        FolderError: it is no enrolment, or another authority's, or the lists cannot be written there.
        RecordError: its record is in use or broken.
    """
    if enrolment is None:
        yield ()
        return
    require_enrolment(enrolment)
    root = deeds.digest_of(load_certificate(authority / f"{ROOT}.pem"))
    with hold_record(enrolment / RECORD) as record:
        if record.entries[0].facts.get(ROOT) != root:
            raise FolderError(N_("{folder} is the enrolment of another authority"), folder=enrolment)
        yield record.entries
        try:
            write_whole(enrolment / CRLS, (authority / CRLS).read_bytes(), PUBLIC_MODE)
        except OSError as error:
            raise FolderError(
                N_("the lists in {authority} are new, but {path} is not: {reason}; make room and do the same again"),
                authority=authority,
                path=enrolment / CRLS,
                reason=system_said(error),
            ) from None


def handed_at(entries: Iterable[Entry]) -> str | None:
    """When an authority last handed its boxes' issuer over; None where it never did."""
    return next((entry.at for entry in reversed(list(entries)) if entry.act is Act.HANDED), None)
