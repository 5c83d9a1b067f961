"""A Tally book in memory: what the made-up vendor answers, as a function and as a transport."""

from typing import Any
from urllib.parse import parse_qs

import httpx

from gateway.canonical import json_text
from gateway.translator import VendorRequest, VendorResponse

KEY = "tally-key-for-show"
PHASES = [
    {"id": f"ph{n}", "label": name} for n, name in enumerate(("Talk", "Offer", "Won", "Lost"))
]
PEOPLE = [{"uid": "u1", "label": "Ada"}, {"uid": "u2", "label": "Grace"}]
TOUCHED = "2026-11-21T09:00:00Z"
EXTRA = {"colour": "text", "seats": "number", "signed": "boolean", "erp": "text"}

Deal = dict[str, Any]


def _deal(number: int, **fields: Any) -> Deal:
    empty = dict.fromkeys(("label", "memo", "worth", "odds", "closes_at", "owner_uid"))
    made = f"2026-0{number}-01T08:00:00Z"
    return {**empty, "uid": f"d{number}", "phase_uid": "ph0", "extra": {}, "made_at": made,
            "touched_at": made, **fields}  # fmt: skip


class Book:
    """Deals by uid."""

    def __init__(self) -> None:
        seed = (
            _deal(1, label="Harbour cranes", worth=1250000, extra={"colour": "red"}),
            _deal(2, label="Night trains", phase_uid="ph2", owner_uid="u1"),
            _deal(3, label="Old mill", phase_uid="ph3", odds=0),
            _deal(4, label="Bakery", worth=99, phase_uid="ph1"),
        )
        self.deals = {deal["uid"]: deal for deal in seed}

    def __call__(self, request: VendorRequest) -> VendorResponse:
        """Answers as the vendor in hand."""
        return self.answer(request.method, request.path, dict(request.query), request.json)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> VendorResponse:
        """Answers one call."""
        what, _, uid = path.partition("/")
        if what == "book":
            return _said({"phases": PHASES, "people": PEOPLE, "extra": EXTRA})
        if method == "POST":
            return self._written(_deal(len(self.deals) + 1), body)
        if not uid:
            return self._page(int(query["skip"]), int(query["take"]))
        if uid not in self.deals:
            return VendorResponse(status=404, json={"wrong": "no such deal"})
        if method == "PATCH":
            return self._written(self.deals[uid], body)
        if method == "DELETE":
            del self.deals[uid]
            return VendorResponse(status=204)
        return _said(_shown(self.deals[uid]))

    def _page(self, start: int, size: int) -> VendorResponse:
        deals = [_shown(deal) for deal in self.deals.values()]
        return _said({"deals": deals[start : start + size], "more": start + size < len(deals)})

    def _written(self, deal: Deal, body: Deal) -> VendorResponse:
        strange = body.keys() - deal.keys()
        if strange:
            return VendorResponse(status=400, json={"wrong": f"what is {min(strange)}?"})
        extra = {**deal["extra"], **body.get("extra", {})}
        kept = {key: value for key, value in extra.items() if value is not None}
        self.deals[deal["uid"]] = {**deal, **body, "extra": kept, "touched_at": TOUCHED}
        return _said(_shown(self.deals[deal["uid"]]))


class Line(httpx.AsyncBaseTransport):
    """The book behind the gateway's wire."""

    def __init__(self, book: Book) -> None:
        self._book = book

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Passes one call on, if it has the key."""
        await request.extensions["trace"]("http11.send_request_headers.started", {})
        if request.headers.get("x-tally-key") != KEY:
            return httpx.Response(401, stream=httpx.ByteStream(b""))
        path = request.url.path.removeprefix("/v3/")
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        content = request.read()
        answered = self._book.answer(
            request.method, path, query, json_text.read(content) if content else None
        )
        body = b"" if answered.json is None else json_text.write(answered.json)
        return httpx.Response(answered.status, stream=httpx.ByteStream(body))


def _said(body: Any) -> VendorResponse:
    return VendorResponse(status=200, json=body)


def _shown(deal: Deal) -> Deal:
    phase = next(each for each in PHASES if each["id"] == deal["phase_uid"])
    person = next((each for each in PEOPLE if each["uid"] == deal["owner_uid"]), {"label": None})
    return {**deal, "phase": phase, "owner_label": person["label"]}
