"""Lists over several connections: drained one after another, every record once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.listing import MAX_CALLS
from tests.records import OPPORTUNITIES, VENDORS, calls
from tests.sandboxed import Answered, Sandboxed, sandboxed, tree

NAMES = ["acme-close", "acme-coperniq", "acme-reevo", "acme-slant"]
REFUSED = {"kind": "status", "status": 403, "body": {"message": "No."}}
DOWN = {"kind": "status", "status": 503}


def query(*connections: str, **parameters: object) -> str:
    """The path of a list."""
    named = [f"connection={name}" for name in connections]
    return f"{OPPORTUNITIES}?" + "&".join([*named, *(f"{k}={v}" for k, v in parameters.items())])


async def pages(house: Sandboxed, path: str) -> list[Answered]:
    """A list to its very end, each page within its budget of vendor calls."""
    found: list[Answered] = []
    cursor = None
    while cursor is not None or not found:
        before = calls(house)
        found.append(await house.ask("GET", path + (f"&cursor={cursor}" if cursor else "")))
        assert found[-1].status == 200, found[-1].content
        assert calls(house) - before <= MAX_CALLS
        cursor = found[-1].json["next_cursor"]
        assert len(found) < 200, "the list never ends"
    return found


def ids(answers: list[Answered]) -> list[str]:
    """The records of pages, in order."""
    return [item["id"] for answer in answers for item in answer.json["items"]]


def stored(house: Sandboxed, vendor: str) -> set[str]:
    """The ids of what a vendor shows in a list."""
    records = house.vendor(vendor).records
    return {
        f"acme-{vendor}.{record_id}"
        for record_id, record in records.items()
        if record.get("isActive") is not False and not _archived(record)
    }


def _archived(record: Any) -> bool:
    held = record.get("archived_at") or record.get("attributes", {}).get("archived_at")
    return bool(held.get("value") if isinstance(held, dict) else held)


@contextmanager
def spoilt(house: Sandboxed, *vendors: str, fault: Any = DOWN, skip: int = 0) -> Iterator[None]:
    """Vendors whose every call fails, from some call on."""
    for vendor in vendors:
        house.vendor(vendor).faults.add({"fault": fault, "times": 100, "skip": skip})
    yield
    for vendor in vendors:
        house.vendor(vendor).faults.clear()


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50, 101, 200])
@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_connection_is_listed_whole_and_once(
    house: Sandboxed, vendor: str, limit: int
) -> None:
    """To the last cursor, in pages of at most the limit."""
    answers = await pages(house, query(f"acme-{vendor}", limit=limit))
    assert all(len(answer.json["items"]) <= limit for answer in answers)
    assert sorted(ids(answers)) == sorted(stored(house, vendor))


@pytest.mark.parametrize("limit", [1, 4, 50, 200])
async def test_all_connections_are_drained_in_order_of_name(house: Sandboxed, limit: int) -> None:
    """Every record of every connection comes once, one connection after another."""
    answers = await pages(house, query(limit=limit))
    everything = ids(answers)
    assert sorted(everything) == sorted(set().union(*(stored(house, name) for name in VENDORS)))
    homes = [each.partition(".")[0] for each in everything]
    assert homes == sorted(homes)
    assert all(answer.json["errors"] == [] for answer in answers)


async def test_named_connections_are_drained_in_order_of_name(house: Sandboxed) -> None:
    """However they were named, and however often."""
    path = query("acme-slant", "acme-close", "acme-slant", limit=100)
    found = ids(await pages(house, path))
    assert sorted(found) == sorted(stored(house, "slant") | stored(house, "close"))
    assert found[0].startswith("acme-close.")


async def test_fifty_is_the_limit_unless_another_is_named(house: Sandboxed) -> None:
    """A page without a limit is one of fifty."""
    close = house.vendor("close")
    pattern = next(iter(close.records.values()))
    for number in range(60):
        record_id = f"oppo_more{number}"
        close.records[record_id] = {**pattern, "id": record_id}
    first = await house.ask("GET", query("acme-close"))
    assert len(first.json["items"]) == 50
    assert sorted(ids(await pages(house, query("acme-close")))) == sorted(stored(house, "close"))


@pytest.mark.parametrize("sign", ["", "-"])
async def test_a_sort_holds_within_a_connection(house: Sandboxed, sign: str) -> None:
    """And is not claimed across them."""
    path = query("acme-close", "acme-reevo", sort=f"{sign}created_at", limit=5)
    found = [item for answer in await pages(house, path) for item in answer.json["items"]]
    for name in ("acme-close", "acme-reevo"):
        times = [item["created_at"] for item in found if item["connection"] == name]
        assert len(times) > 5
        assert times == sorted(times, reverse=bool(sign))


async def test_times_are_compared_as_instants(house: Sandboxed) -> None:
    """A bound in another zone is the same bound, and both ends are included."""
    listed = ids(await pages(house, query("acme-close", sort="created_at", limit=100)))
    shown = (await house.ask("GET", f"{OPPORTUNITIES}/{listed[3]}")).json["created_at"]
    moved = shown.replace("Z", "%2B00:00")
    for bound in (shown, moved):
        path = query("acme-close", created_after=bound, sort="created_at", limit=100)
        assert ids(await pages(house, path)) == listed[3:]
        path = query("acme-close", created_before=bound, sort="created_at", limit=100)
        assert ids(await pages(house, path)) == listed[:4]


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "bm9uc2Vuc2U", "ä", "e30", "%00", "null"],
)
async def test_junk_is_an_invalid_cursor(house: Sandboxed, cursor: str) -> None:
    """Also an empty one: it was sent."""
    answer = await house.ask("GET", query("acme-close", cursor=cursor))
    assert (answer.status, answer.code) == (400, "invalid-cursor")


async def test_a_cursor_leads_on_in_its_own_list_only(house: Sandboxed) -> None:
    """Another limit, filter, sort or set of connections is another list."""
    first = await house.ask("GET", query("acme-close", "acme-slant", limit=5))
    cursor = first.json["next_cursor"]
    others = [
        query("acme-close", "acme-slant", limit=6),
        query("acme-close", limit=5),
        query(limit=5),
        query("acme-close", "acme-slant", limit=5, status="won"),
        query("acme-close", "acme-slant", limit=5, sort="-created_at"),
        query("acme-close", "acme-slant", limit=5, include_archived="true"),
    ]
    for path in others:
        answer = await house.ask("GET", f"{path}&cursor={cursor}")
        assert (answer.status, answer.code) == (400, "invalid-cursor"), path
    same = await house.ask("GET", query("acme-slant", "acme-close", limit=5, cursor=cursor))
    assert same.status == 200


async def test_a_cursor_is_no_other_callers(house: Sandboxed) -> None:
    """Nor one of another process without its key."""
    first = await house.ask("GET", query("acme-close", limit=5))
    async with sandboxed() as other:
        path = query("acme-close", limit=5, cursor=first.json["next_cursor"])
        answer = await other.ask("GET", path)
        assert (answer.status, answer.code) == (400, "invalid-cursor")


async def test_a_cursor_that_the_vendor_forgot_is_invalid(house: Sandboxed) -> None:
    """The list has to begin again; going on with the same cursor is not offered."""
    first = await house.ask("GET", query("acme-reevo", limit=3))
    cursor = first.json["next_cursor"]
    gone = {"code": "invalid_cursor", "message": "expired"}
    with spoilt(house, "reevo", fault={"kind": "status", "status": 422, "body": gone}):
        answer = await house.ask("GET", query("acme-reevo", limit=3, cursor=cursor))
        assert (answer.status, answer.code) == (400, "invalid-cursor")


@pytest.mark.parametrize("broken", VENDORS)
async def test_a_failed_connection_among_several_is_named(house: Sandboxed, broken: str) -> None:
    """200 with what there is; the problem says why, and its own cursor leads on later."""
    path = query(limit=100)
    with spoilt(house, broken):
        answers = await pages(house, path)
    others = [vendor for vendor in VENDORS if vendor != broken]
    assert sorted(ids(answers)) == sorted(set().union(*(stored(house, name) for name in others)))
    (trouble,) = [each for answer in answers for each in answer.json["errors"]]
    assert trouble["connection"] == f"acme-{broken}"
    problem = trouble["problem"]
    assert (problem["code"], problem["status"]) == ("vendor-unavailable", 503)
    assert problem["vendor"]["connection"] == f"acme-{broken}"
    assert "outcome" not in problem
    resumed = await pages(house, f"{path}&cursor={trouble['next_cursor']}")
    assert sorted(ids(resumed)) == sorted(stored(house, broken))


async def test_a_connection_that_fails_on_its_way_goes_on_where_it_stopped(
    house: Sandboxed,
) -> None:
    """What it gave before stays given, and nothing comes twice."""
    for vendor, pattern in (("close", "oppo_{}"), ("slant", "opp{}")):
        records = house.vendor(vendor).records
        model = next(iter(records.values()))
        for number in range(150):
            record_id = pattern.format(f"more{number}")
            records[record_id] = {**model, "id": record_id}
    path = query("acme-close", "acme-slant", limit=200)
    with spoilt(house, "close", skip=1):
        first = await house.ask("GET", path)
    assert len([each for each in ids([first]) if each.startswith("acme-close.")]) == 100
    (trouble,) = first.json["errors"]
    rest = await pages(house, f"{path}&cursor={first.json['next_cursor']}")
    resumed = await pages(house, f"{path}&cursor={trouble['next_cursor']}")
    everything = ids([first, *rest, *resumed])
    assert sorted(everything) == sorted(stored(house, "close") | stored(house, "slant"))


async def test_one_alone_that_fails_is_its_problem(house: Sandboxed) -> None:
    """There is nothing else to show, and the same cursor works again later."""
    first = await house.ask("GET", query("acme-close", limit=5))
    path = query("acme-close", limit=5, cursor=first.json["next_cursor"])
    with spoilt(house, "close", fault=REFUSED):
        answer = await house.ask("GET", path)
        assert (answer.status, answer.code) == (502, "vendor-forbidden")
        assert answer.json["vendor"]["connection"] == "acme-close"
    assert (await house.ask("GET", path)).status == 200


async def test_if_all_fail_the_first_is_the_problem(house: Sandboxed) -> None:
    """Never 200 for a failure."""
    with spoilt(house, "close"), spoilt(house, "slant", fault=REFUSED):
        answer = await house.ask("GET", query("acme-slant", "acme-close"))
        assert (answer.status, answer.code) == (503, "vendor-unavailable")
        assert answer.json["vendor"]["connection"] == "acme-close"


async def test_named_connections_have_to_support_the_filters(house: Sandboxed) -> None:
    """422 names each filter and the connection, before any call."""
    answer = await house.ask(
        "GET", query("acme-close", "acme-slant", status="won", owner_id="x", sort="created_at")
    )
    assert (answer.status, answer.code) == (422, "unsupported-filter")
    assert [error["parameter"] for error in answer.json["errors"]] == ["status", "owner_id", "sort"]
    assert "acme-slant" in answer.json["detail"]
    assert calls(house) == 0


async def test_a_filter_that_hangs_on_an_option_is_refused_up_front() -> None:
    """A later connection of the named ones is looked at before the first is asked."""
    configured = tree()
    del configured["connections"]["acme-coperniq"]["options"]["external_id_field"]
    configured["connections"]["acme-reevo"]["options"]["external_id_field"] = "crm_reference"
    async with sandboxed(configured) as house:
        answer = await house.ask("GET", query("acme-coperniq", external_id="7"))
        assert (answer.status, answer.code) == (422, "unsupported-filter")
        assert [error["parameter"] for error in answer.json["errors"]] == ["external_id"]
        assert calls(house) == 0


async def test_of_the_default_set_those_that_cannot_are_named_and_skipped(
    house: Sandboxed,
) -> None:
    """Their problem stands in `errors`, with no cursor: going on would not help."""
    answers = await pages(house, query(status="won", sort="created_at", limit=100))
    troubles = {each["connection"]: each for answer in answers for each in answer.json["errors"]}
    assert troubles.keys() == {"acme-coperniq", "acme-slant"}
    for each in troubles.values():
        assert each["problem"]["code"] == "unsupported-filter"
        assert each["next_cursor"] is None
    homes = {item["connection"] for answer in answers for item in answer.json["items"]}
    assert homes == {"acme-close", "acme-reevo"}
    statuses = {item["status"] for answer in answers for item in answer.json["items"]}
    assert statuses == {"won"}


async def test_a_filter_that_none_supports_is_the_problem() -> None:
    """Then there is nothing to show."""
    configured = tree()
    for name in ("acme-close", "acme-coperniq", "acme-reevo"):
        del configured["connections"][name]
    async with sandboxed(configured) as house:
        answer = await house.ask("GET", query(status="won"))
        assert (answer.status, answer.code) == (422, "unsupported-filter")


async def test_a_disabled_connection_is_named_and_not_hidden() -> None:
    """A record that is not shown is never silently not there."""
    async with sandboxed(tree(acme_close={"enabled": False})) as house:
        answers = await pages(house, query(limit=100))
        (trouble,) = [each for answer in answers for each in answer.json["errors"]]
        assert trouble["connection"] == "acme-close"
        assert trouble["problem"]["code"] == "connection-disabled"
        alone = await house.ask("GET", query("acme-close"))
        assert (alone.status, alone.code) == (503, "connection-disabled")
        assert calls(house, "close") == 0


async def test_a_vendor_without_a_list_is_not_asked_again(house: Sandboxed) -> None:
    """404 for the list itself is remembered, and told like any unsupported operation."""
    with spoilt(house, "slant", fault={"kind": "status", "status": 404}):
        answer = await house.ask("GET", query("acme-slant"))
        assert (answer.status, answer.code) == (422, "operation-unsupported")
    before = calls(house)
    again = await house.ask("GET", query("acme-slant"))
    assert (again.status, again.code, calls(house)) == (422, "operation-unsupported", before)
    answers = await pages(house, query(limit=100))
    (trouble,) = [each for answer in answers for each in answer.json["errors"]]
    assert (trouble["connection"], trouble["next_cursor"]) == ("acme-slant", None)
    assert "acme-slant" not in {each.partition(".")[0] for each in ids(answers)}


async def test_a_caller_without_connections_has_an_empty_list() -> None:
    """No problem: there is nothing that failed."""
    configured = tree()
    configured["callers"] = {"tests": {**configured["callers"]["tests"], "connections": []}}
    async with sandboxed(configured) as house:
        answer = await house.ask("GET", OPPORTUNITIES)
        assert answer.json == {"items": [], "next_cursor": None, "errors": []}


async def test_a_page_may_be_empty_and_still_lead_on(house: Sandboxed) -> None:
    """Where a vendor's pages hold nothing that fits, the budget ends the page, not the list."""
    path = query("acme-coperniq", updated_after="2999-01-01T00:00:00Z", limit=1)
    answers = await pages(house, path)
    assert ids(answers) == []
