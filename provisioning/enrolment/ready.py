"""Whether the bundle that lies ready for a box would do: seen while the code is made, not by the installer on site.

Decides nothing for the box, which judges by its own pins. Flow: `provision token` -> here -> folder.py.
"""

from datetime import datetime

from protocol.bundle import BundleError, read_bundle
from protocol.certificates import Role, Trust
from protocol.documents import DocumentError, open_document
from protocol.envelope import EnvelopeType
from protocol.texts import Said, said
from provisioning.bundles.faults import document_fault
from provisioning.enrolment.folder import BUNDLES, Enrolment, FolderError, bundle_of


def bundle_lack(enrolment: Enrolment, box: str, now: datetime) -> Said | None:
    """Why a box that enrols now would stand there without its site file; None when it gets one."""
    path = enrolment.folder / BUNDLES / f"{box}.json"
    try:
        document = bundle_of(enrolment.folder, box)
    except FolderError as error:
        return error.said
    if document is None:
        return said("{path} is not there: the box would get no site file. Build it, sign it, copy it there", path=path)
    try:
        opened = open_document(document, EnvelopeType.SITE, Trust(enrolment.root), now, Role.PROVISIONING)
        bundle = read_bundle(opened.payload)
    except DocumentError as error:
        fault = document_fault(error)
    except BundleError:
        fault = said("it is no site bundle")
    else:
        if bundle.box == box:
            return None
        fault = said("it is for {box}", box=bundle.box)
    return said("{path} would not do for {box}: {fault}", path=path, box=box, fault=fault)
