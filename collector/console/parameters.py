"""Query parameters that an address of the API does not know, or is given twice, are refused, never passed over.

A filter with a slip in its name would else give the list without any filter, and a program believes it; of one given
twice only the last would hold.
Flow: app.py puts `only_known` before every route; pages may be asked with anything.
"""

from collections import Counter
from typing import Final

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from collector.console.entity_tags import API
from collector.console.problems import INVALID, MOST_FAULTS, Problem, language_of
from protocol.texts import Texts, texts_for
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

EVERYWHERE: Final = frozenset({"lang"})
"""What each address takes: the language of whoever reads the answer."""
MOST_CHARACTERS: Final = 64
"""Of an unknown name that are said back; ours have at most 13."""


async def only_known(request: Request) -> None:
    """Nothing, where every parameter is one of the address and is given once.

    Raises:
        Problem: one is not known; it names them, and those that are known. Or one is given more than once.
    """
    if not request.scope["query_string"] or not request.scope["path"].startswith(API):
        return
    route = request.scope.get("route")
    known = EVERYWHERE | (_queries(route.dependant) if isinstance(route, APIRoute) else frozenset())
    given = Counter(name for name, _ in request.query_params.multi_items())
    unknown = [name[:MOST_CHARACTERS] for name in given if name not in known]
    _ = texts_for(language_of(request))
    if not unknown:
        _refuse_twice([name for name in sorted(known - EVERYWHERE) if given[name] > 1], _)
        return
    named = unknown[:MOST_FAULTS]
    raise Problem(
        sort=INVALID,
        detail=N_("This address does not know: {unknown}. It knows: {known}."),
        values={"unknown": ", ".join(named), "known": ", ".join(sorted(known))},
        more={
            "faults": [{"place": f"query/{name}", "detail": _("is not known here")} for name in named],
            "known": sorted(known),
        },
    )


def _refuse_twice(names: list[str], _: Texts) -> None:
    if names:
        raise Problem(
            sort=INVALID,
            detail=N_("Given more than once: {names}. Give each parameter once."),
            values={"names": ", ".join(names)},
            more={"faults": [{"place": f"query/{name}", "detail": _("is given more than once")} for name in names]},
        )


def _queries(dependant: Dependant) -> frozenset[str]:
    """The parameters that a route asks for, itself or through what it depends on."""
    own = frozenset(each.alias for each in dependant.query_params)
    return own.union(*map(_queries, dependant.dependencies))
