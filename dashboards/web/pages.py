"""The pages: from a request through the store to HTML, each in the reader's language."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from anyio import to_thread
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse

from dashboards.paging import Place, older
from dashboards.reports import monthly
from dashboards.texts import DEFAULT, LANGUAGES, Language, Texts, texts
from dashboards.visible import marked
from dashboards.web import health, views
from dashboards.web.chart import SEVERITIES, chart, tiles
from dashboards.web.filters import NAME, PAGE, SHOWN, BadFilter, Filters, matches
from dashboards.web.security import HEADERS
from dashboards.web.stream import Hub, Show
from dashboards.when import Clockface
from schemas.control import catalogue
from schemas.violation import State, Violation
from sinks.contract import Query, ViolationStore

_MONTH = re.compile(r"[1-9]\d{3}-(0[1-9]|1[0-2])")
_CURSOR = re.compile(r"\d{1,18}")


@dataclass(frozen=True)
class Site:
    """What the pages are about; meanings in ``dashboards/web/app.py``."""

    store: ViolationStore
    demo: bool
    health: Callable[[], Mapping[str, Any]]
    assessed: Callable[[str], Mapping[str, str]]
    now: Callable[[], int]
    truth_time: Callable[[], int]
    clock: Clockface
    hub: Hub


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dashboards.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["visible"] = marked
    environment.globals["link"] = views.link
    return environment


def language(request: Request) -> Language:
    """``?lang=``, else the cookie, else the first known language of Accept-Language."""
    for asked in (request.query_params.get("lang"), request.cookies.get("lang")):
        if asked in LANGUAGES:
            return asked
    for part in request.headers.get("accept-language", "").split(","):
        tag = part.partition(";")[0].strip().lower()
        if tag.startswith("zh"):
            return "zh-TW"
        if tag.startswith("en"):
            return "en"
    return DEFAULT


def _control_options(words: Texts) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Sections with what can be chosen in them."""
    options: dict[str, list[tuple[str, str]]] = {}
    chinese = words.language == "zh-TW"
    for control in catalogue().controls:
        title = (control.heading_zh or control.text_zh) if chinese else control.title_en
        text = f"{control.id}  {title[:40]}{'…' if len(title) > 40 else ''}"
        if control.kind == "section":
            options[f"{control.label} {title.split('（')[0]}"] = []
        options[next(reversed(options))].append((control.id, text))
    yield from options.items()


class Pages:
    """Request handlers of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        words = texts(language(request))
        others = [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]
        values = {
            "t": words,
            "clock": self._site.clock,
            "demo": self._site.demo,
            "known": catalogue(),
            "month": self._site.clock.local(self._site.now(), "%Y-%m"),
            "toggle": "?" + urlencode([*others, ("lang", words.other.language)]),
            "here": "",
        } | values
        response = HTMLResponse(_environment().get_template(template).render(values), status)
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie("lang", words.language, max_age=400 * 86_400, httponly=True, samesite="lax")
        response.headers["Vary"] = "Accept-Language, Cookie"
        return response

    def _health(self, words: Texts) -> dict[str, Any]:
        return health.strip(health.view(self._site.health()), words, self._site.clock, self._site.now())

    def _figures(self, filters: Filters, words: Texts) -> dict[str, Any]:
        site = self._site
        return {
            "coverage": self._coverage(words),
            "tiles": tiles(site.store, filters, words),
            "chart": chart(site.store, filters, site.now(), words, site.clock),
        }

    def _coverage(self, words: Texts) -> dict[str, str]:
        """How many duties of the regulation are watched this month; the monthly report counts the same way."""
        assessed = self._site.assessed(self._site.clock.local(self._site.now(), "%Y-%m"))
        duties = [control.id for control in catalogue().controls if control.duty]
        found = {
            status: sum(assessed.get(duty) == status for duty in duties) for status in ("monitored", "degraded", "blind")
        }
        n, part = found["monitored"] + found["degraded"], found["degraded"]
        rest = len(duties) - sum(found.values())
        return {
            "text": words("health.clauses_part" if part else "health.clauses_count", n=n, all=len(duties), part=part),
            "explain": words("health.clauses_explain", n=n, all=len(duties), rest=rest, **found),
        }

    def _detectors(self, chosen: str, words: Texts) -> list[tuple[str, str]]:
        ids = {str(entry["detector"]) for entry in self._site.store.counts(Query())}
        ids |= set(self._site.health().get("detectors", {}))
        ids |= {chosen} - {""}
        options = ((name, words.name("detector", name)) for name in ids if NAME.fullmatch(name))
        return sorted(options, key=lambda option: option[1])

    def live(self, request: Request) -> Response:
        """``GET /``: what happens now."""
        site = self._site
        words = texts(language(request))
        filters = Filters.read(request.query_params)
        cursor = site.store.newest()  # before the search: what comes between is sent again, never missed
        found = older(site.store, filters.query(PAGE + 1), filters.before)
        more = Place(found[PAGE - 1].last_time, found[PAGE - 1].id) if len(found) > PAGE else None
        after = f"{'&' if filters.text() else '?'}after={cursor}&lang={words.language}"
        return self._page(
            request,
            "live.html",
            here="live",
            rows=[views.row(violation, words, site.clock) for violation in found[:PAGE]],
            blank=dict.fromkeys(views.FIELDS, ""),
            older="/" + filters.text(before=more) if more else "",
            events="/events" + filters.text() + after,
            filters=filters,
            limit=PAGE,
            severities=[str(severity) for severity in SEVERITIES],
            states=[str(state) for state in (*SHOWN, State.SUPERSEDED, State.WITHDRAWN)],
            control_options=list(_control_options(words)),
            detector_options=self._detectors(filters.detector, words),
            health=self._health(words),
            **self._figures(filters, words),
        )

    async def events(self, request: Request) -> Response:
        """``GET /events``: the live stream of a page, from Last-Event-ID or ``?after=`` on."""
        site = self._site
        if site.hub.full:
            return PlainTextResponse("too many live pages are open", 503, {"Retry-After": "10"})
        words = texts(language(request))
        filters = Filters.read(request.query_params)
        query = filters.query()
        mark = request.headers.get("last-event-id") or request.query_params.get("after", "")

        def row(violation: Violation) -> Mapping[str, Any]:
            if not matches(violation, query):
                return {"id": violation.id, "gone": True}
            return views.row(violation, words, site.clock)

        show = Show(row=row, figures=lambda: self._figures(filters, words), health=lambda: self._health(words))
        return StreamingResponse(
            site.hub.follow(int(mark) if _CURSOR.fullmatch(mark) else None, show),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    def violation(self, request: Request) -> Response:
        """``GET /violations/{id}``: one violation in full; ``?format=json`` the document as it is stored."""
        site = self._site
        words = texts(language(request))
        found = site.store.get(request.path_params["id"])
        if found is None:
            raise HTTPException(404, words("message.no_violation"))
        history = list(site.store.history(found.id))
        if request.query_params.get("format") == "json":
            document = found.model_dump(mode="json") | {"history": [step.model_dump(mode="json") for step in history]}
            return JSONResponse(document)
        return self._page(request, "detail.html", v=found, d=views.detail(found, history, words, site.clock))

    def report(self, request: Request) -> Response:
        """``GET /report/{YYYY-MM}``: the monthly report; ``?format=html`` or ``csv`` as a file."""
        site = self._site
        words = texts(language(request))
        month = request.path_params["month"]
        form = request.query_params.get("format", "")
        if not _MONTH.fullmatch(month):
            raise HTTPException(404, words("message.bad_month"))
        if form not in ("", "html", "csv"):
            raise BadFilter(f"?format= takes html or csv, not {form!r}")
        assessed, truth_time, zone = site.assessed(month), site.truth_time(), site.clock.zone
        if form:
            content = monthly.report(
                site.store,
                month,
                words.language,
                "csv" if form == "csv" else "html",
                assessed,
                truth_time,
                demo=site.demo,
                zone=zone,
            )
            name = f"controlwatch-{'DEMO-' if site.demo else ''}{month}.{words.language}.{form}"
            kind = "text/csv" if form == "csv" else "text/html"
            return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
        body = monthly.body(
            site.store, month, words.language, assessed=assessed, truth_time=truth_time, demo=site.demo, zone=zone
        )
        around = monthly.neighbours(month)
        return self._page(request, "report.html", here="report", body=body, shown=month, before=around[0], after=around[1])

    async def healthz(self, _request: Request) -> Response:
        """``GET /healthz``: the process answers."""
        return PlainTextResponse("ok\n")

    async def readyz(self, _request: Request) -> Response:
        """``GET /readyz``: the store answers, so pages can be shown."""
        ready = await to_thread.run_sync(self._site.store.ready)
        return PlainTextResponse("ready\n" if ready else "the violation store does not answer\n", 200 if ready else 503)

    async def refusal(self, request: Request, error: Exception) -> Response:
        """Answer of an HTTPException."""
        words = texts(language(request))
        status = error.status_code if isinstance(error, HTTPException) else 500
        detail = error.detail if isinstance(error, HTTPException) else ""
        return self._page(request, "message.html", status, heading=f"{status} {words('message.refused')}", text=detail)

    async def bad_filter(self, request: Request, error: Exception) -> Response:
        """A query string that cannot be understood is an error, never a wider answer than was asked for."""
        words = texts(language(request))
        return self._page(request, "message.html", 400, heading=words("message.bad_filter"), text=str(error))

    async def failure(self, request: Request, _error: Exception) -> Response:
        """Anything unforeseen; Starlette logs it with its traceback."""
        words = texts(language(request))
        values = {"heading": words("message.failed"), "text": words("message.failed_explain")}
        response = self._page(request, "message.html", 500, **values)
        response.headers.update(HEADERS)  # made outside the middleware that adds them otherwise
        return response
