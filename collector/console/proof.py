"""The centre about itself: the ledger to take away, health, figures. For auditors and for machines that watch."""

import ipaddress
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from collector.console import problems, shapes
from collector.console.asking import Asker, bearer_of, needs
from collector.console.problems import Problem, language_of
from collector.console.reference import problem_answers
from collector.people import PersonRole
from collector.services import Services
from protocol.texts import Said, texts_for
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

Auditor = Annotated[Asker, Depends(needs(PersonRole.AUDITOR))]


def routes(services: Services) -> APIRouter:
    """/api/v1/ledger, /healthz, /metrics."""
    router = APIRouter()

    @router.get(
        "/api/v1/ledger",
        response_class=StreamingResponse,
        responses={
            200: {"description": "For `branchwatch verify`", "content": {"application/x-ndjson": {}}},
            **problem_answers(401, 403),
        },
        tags=["proof"],
        summary="The whole ledger, to be checked elsewhere",
    )
    def ledger(asked: Auditor) -> StreamingResponse:
        if asked.person.unit:
            raise Problem(
                sort=problems.NOT_ALLOWED,
                detail=N_("The ledger is one; only an auditor of the whole bank may take it."),
            )
        if services.orders.is_obeyed(asked.person):
            # The chain cannot leave lines out, and a duress of his own is in it (WIRE 4.6).
            raise Problem(
                sort=problems.NOT_ALLOWED,
                detail=N_("Whoever boxes obey does not take the ledger; ask an auditor who gives no orders."),
            )
        name = f'attachment; filename="branchwatch-{services.now():%Y%m%dT%H%M%SZ}.ledger"'
        # Starlette runs a plain iterator in a thread.
        return StreamingResponse(
            services.export(), media_type="application/x-ndjson", headers={"Content-Disposition": name}
        )

    @router.get("/healthz", responses=problem_answers(503), tags=["health"], summary="Whether every part works")
    def healthz(request: Request) -> shapes.Healthy:
        checks = services.health()
        _ = texts_for(language_of(request))
        told = [
            shapes.HealthCheck(
                name=each.name,
                ok=each.works,
                detail=Said(each.said, each.values).told(_),
                age_s=None if each.age_s is None else round(each.age_s, 1),
            )
            for each in checks
        ]
        if any(each.needed and not each.works for each in checks):
            faults = [{"place": each.name, "detail": each.detail} for each in told if not each.ok]
            raise Problem(
                sort=problems.UNHEALTHY, more={"faults": faults, "checks": [each.model_dump() for each in told]}
            )
        degraded = any(not each.works for each in checks)
        return shapes.Healthy(status="degraded" if degraded else "ok", collector=services.collector, checks=told)

    @router.get(
        "/metrics",
        response_class=PlainTextResponse,
        responses=problem_answers(403),
        tags=["health"],
        summary="Figures for Prometheus",
    )
    def metrics(request: Request) -> Response:
        if not _is_loopback(request) and not _has_token(services, request):
            raise Problem(
                sort=problems.NOT_ALLOWED, detail=N_("Ask from the centre's own machine, or send a bearer token.")
            )
        return Response(services.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


def _is_loopback(request: Request) -> bool:
    """Asked from this machine itself and not through a proxy in front of it."""
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _has_token(services: Services, request: Request) -> bool:
    token = bearer_of(request)
    return token is not None and services.people.by_token(token) is not None
