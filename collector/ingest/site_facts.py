"""What a site is called and whose it is: by a box's birth, or by the signed bundle that was delivered for that box.

Whoever has a stolen box's key could move its site out of its unit's sight, and only then cut the line. Inside the
transaction; a bundle is read only where a birth says something new. Flow: births -> here -> row of `sites`.
"""

from collector.ingest.work import Work
from collector.storage import bundles, writing
from protocol.bundle import BundleError, read_bundle, site_of
from protocol.documents import DocumentError, claimed_payload
from protocol.messages import Birth, SiteFacts
from protocol.settings import SettingsError


def note_site(work: Work, birth: Birth) -> None:
    """Keep what counts of what a birth says of its site."""
    known = bundles.site_facts(work.connection, birth.site.id)
    facts = birth.site if known is None else _facts(work, birth, known)
    if facts != known:
        writing.save_site(work.connection, facts.id, facts.name, facts.unit, facts.timezone)


def _facts(work: Work, birth: Birth, known: SiteFacts) -> SiteFacts:
    if birth.site == known:
        return known
    row = bundles.configs_of(work.connection, [birth.box]).get(birth.box)
    if row is None or not row.wanted_hash:
        return birth.site  # nothing signed is here for this box
    stored = bundles.bundle_of(work.connection, (birth.box, birth.config.hash)) if birth.config is not None else None
    return known if stored is None else _signed(stored.document, known)


def _signed(document: bytes, known: SiteFacts) -> SiteFacts:
    """As it was signed: the document was opened when it was delivered."""
    try:
        site = site_of(read_bundle(claimed_payload(document)))
    except (BundleError, DocumentError, SettingsError):  # of another version of this program
        return known
    return SiteFacts(id=site.id, name=site.name, unit=site.unit, timezone=site.timezone)
