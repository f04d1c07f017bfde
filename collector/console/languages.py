"""Which language a reader gets: what it asked for now, what it chose before, what it is known to read, what it sends.

Pure. Flow: request -> language tag -> protocol/texts.
"""

from protocol.texts import DEFAULT_LANGUAGE, match_language

MAX_HEADER = 200
"""Characters of an Accept-Language that are looked at; browsers send some 60."""


def negotiate(*wishes: str | None) -> str:
    """The language of the first wish that names one of ours; each wish is a tag or a whole Accept-Language header."""
    for wish in wishes:
        for tag in _tags(wish or ""):
            if found := match_language(tag):
                return found
    return DEFAULT_LANGUAGE


def _tags(header: str) -> list[str]:
    """Tags of an Accept-Language (RFC 9110 section 12.5.4), most wanted first, without those of q=0."""
    weighed: list[tuple[float, str]] = []
    for part in header[:MAX_HEADER].split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            weight = 0.0
        if tag.strip() and weight > 0:
            weighed.append((-weight, tag.strip()))
    return [tag for _, tag in sorted(weighed, key=lambda each: each[0])]
