"""The site file: what an installer writes about one site, read strictly and checked as a whole."""

from agent.config.reading import read_site, unwatched
from agent.config.site import Site

__all__ = ["Site", "read_site", "unwatched"]
