"""A front before the real Elasticsearch that answers some requests itself, changes, delays or loses answers.

It speaks only what the store's bulk requests need; everything else goes through as it is.
"""

import json
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Policy = Callable[["Request"], None]
_MEDIA = "application/vnd.elasticsearch+{}; compatible-with=9"
REJECTED = {"type": "es_rejected_execution_exception", "reason": "rejected execution of coordinating operation"}
FLOOD = {"type": "cluster_block_exception", "reason": "index blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];"}
RED = {"type": "unavailable_shards_exception", "reason": "primary shard is not active"}
MAPPING = {"type": "document_parsing_exception", "reason": "failed to parse field [count] of type [long]"}


class Lost(Exception):
    """The connection is closed without an answer."""


class Request:
    """One request, and the ways to answer it; a policy calls exactly one of them, or none for the real answer."""

    def __init__(self, target: str, method: str, path: str, body: bytes) -> None:
        self.method = method
        self.path = path
        self.body = body
        self.answer: tuple[int, bytes] | None = None
        self._target = target

    @property
    def bulk(self) -> bool:
        """Whether documents are written."""
        return "/_bulk" in self.path

    def items(self) -> list[tuple[dict[str, Any], bytes]]:
        """Head (operation -> target) and both lines of each document of a bulk request."""
        lines = self.body.split(b"\n")
        return [(json.loads(head), head + b"\n" + document + b"\n") for head, document in zip(lines[::2], lines[1::2], strict=False)]

    def forward(self, body: bytes | None = None) -> tuple[int, Any]:
        """The real answer, also to another ``body``."""
        call = urllib.request.Request(  # noqa: S310 - http on 127.0.0.1
            self._target + self.path, data=(self.body if body is None else body) or None, method=self.method,
            headers={"Content-Type": _MEDIA.format("x-ndjson" if self.bulk else "json"), "Accept": _MEDIA.format("json")},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(call, timeout=60) as answer:  # noqa: S310 - see above
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def refuse(self, status: int, error: dict[str, str] | None = None) -> None:
        """The whole request is refused and not carried out."""
        body = json.dumps({"error": {**(error or REJECTED), "root_cause": []}, "status": status}).encode()
        self.answer = (status, body)

    def refuse_items(self, refusal: Callable[[str, str], tuple[int, dict[str, str]] | None]) -> None:
        """Documents for whose ``_index`` and ``_id`` there is a ``refusal`` (status, error) are not stored; the others are."""
        items = [(head, lines, refusal(*_place(head))) for head, lines in self.items()]
        kept = b"".join(lines for _, lines, refused in items if refused is None)
        done: list[Any] = []
        if kept:
            code, real = self.forward(kept)
            if code != 200:
                self.answer = (code, real)
                return
            done = list(json.loads(real)["items"])
        merged = [
            done.pop(0) if refused is None else {next(iter(head)): {"status": refused[0], "error": refused[1]}}
            for head, _, refused in items
        ]
        self.answer = (200, json.dumps({"items": merged}).encode())


def _place(head: dict[str, Any]) -> tuple[str, str]:
    (target,) = head.values()
    return str(target["_index"]), str(target["_id"])


class Front:
    """Serves at ``url`` while used with ``with``; ``policy`` decides about each request, in any thread; ``seen`` counts its words."""

    def __init__(self, target: str, policy: Policy | None = None) -> None:
        self.policy = policy
        self.seen: Counter[str] = Counter()
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answered(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(target, self.command, self.path, body)
                try:
                    if front.policy is not None:
                        front.policy(request)
                    status, content = request.answer or request.forward()
                except (Lost, OSError):
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Content-Type", "application/vnd.elasticsearch+json;compatible-with=9")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answered  # noqa: N815 - the base class's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Nothing: thousands of requests."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """Clients that were killed leave broken pipes behind; that is what rows do."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
