"""The web application: between uvicorn and the pages; checks hosts, adds security headers, knows the routes.

Run it on 127.0.0.1 with ``timeout_graceful_shutdown`` set, and await ``application.state.hub.close()`` when stopping:
live streams never end by themselves.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dashboards.web.filters import BadFilter
from dashboards.web.pages import Pages, Site
from dashboards.web.security import SecurityHeaders
from dashboards.web.stream import Hub
from dashboards.when import Clockface
from sinks.contract import ViolationStore

HOSTS = ("127.0.0.1", "localhost", "[::1]")


def app(
    store: ViolationStore,
    *,
    demo: bool,
    health: Callable[[], Mapping[str, Any]],
    assessed: Callable[[str], Mapping[str, str]],
    now: Callable[[], int],
    truth_time: Callable[[], int],
    zone: str = "Asia/Taipei",
    hosts: Sequence[str] = (),
) -> Starlette:
    """The dashboard over ``store``, which any thread may call.

    Args:
        store: where violations are read; the pages write nothing.
        demo: whether the data are made up; every page then says DEMO.
        health: the job's account of itself (``dashboards/web/health.py``); cheap, and called
            from any thread.
        assessed: month ``YYYY-MM`` → clause id → ``monitored``, ``degraded`` or ``blind``; a missing clause is not assessed.
        now: the time of day in microseconds UTC, for "last seen" and the right end of the chart.
        truth_time: up to when all live feeds have reported, in microseconds UTC.
        zone: IANA name of the zone in which times are shown and months are cut.
        hosts: names under which the pages may be reached besides the machine itself (DNS rebinding is refused).

    Raises:
        ZoneInfoNotFoundError: no such zone.
    """
    clock = Clockface(zone)
    clock.local(now())  # an unknown zone fails here, not at the first visitor
    hub = Hub(store)
    pages = Pages(
        Site(store=store, demo=demo, health=health, assessed=assessed, now=now, truth_time=truth_time, clock=clock, hub=hub)
    )
    application = Starlette(
        routes=[
            Route("/", pages.live),
            Route("/events", pages.events),
            Route("/violations/{id}", pages.violation),
            Route("/report/{month}", pages.report),
            Route("/healthz", pages.healthz),
            Route("/readyz", pages.readyz),
            Mount("/static", StaticFiles(packages=[("dashboards.web", "static"), ("dashboards.reports", "static")])),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(TrustedHostMiddleware, allowed_hosts=[*HOSTS, *hosts], www_redirect=False),
        ],
        exception_handlers={
            HTTPException: pages.refusal,
            BadFilter: pages.bad_filter,
            Exception: pages.failure,
        },
    )
    application.state.hub = hub
    return application
