"""What an enrolled box runs with, put together from its state folder. No site file, no option: the folder says it all.

Reads files and decides nothing. Flow: `agent run --state DIR` -> here -> `app.py`.
"""

from datetime import datetime
from pathlib import Path

from agent.app import Settings
from agent.identity import load_enrolled_identity
from agent.site_loading import knows_of, load_site
from agent.site_store import SiteStore


def enrolled_settings(state: Path, now: datetime) -> Settings:
    """Identity and site of the box whose folder this is.

    Raises:
        IdentityError: it is not enrolled, or its identity is damaged.
        SiteLoadError: it has no bundle that can be used.
    """
    identity = load_enrolled_identity(state, now)
    knows = knows_of(identity, state)
    loaded = load_site(SiteStore(state), knows)
    signed = loaded.signed
    return Settings(site=signed.site, centre=signed.centre, identity=identity, state=state, loaded=loaded, knows=knows)
