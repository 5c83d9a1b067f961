"""The port: requests as data, refusals with a meaning, ids that lead nowhere else."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.canonical.capabilities import Listing
from gateway.conformance import play
from gateway.errors import GatewayError, VendorError
from gateway.normalizer.notation import Context
from gateway.translator import (
    MAX_MESSAGE,
    Bearer,
    Credentials,
    Dialogue,
    Fields,
    Options,
    Translator,
    Vendor,
    VendorRequest,
    VendorResponse,
    read,
    refusal,
    segment,
    write,
)
from tests.normalizer.acme import ACME, context


def test_a_read_leaves_out_what_is_none() -> None:
    request = read("list", "things/", {"limit": 50, "skip": None, "q": "a b"}, of_record=True)
    assert (request.effect, request.method, request.of_record) == ("read", "GET", True)
    assert request.query == (("limit", "50"), ("q", "a b"))


def test_a_write_says_so_whatever_its_method() -> None:
    request = write("update", "PUT", "things/1/", {"a": None})
    assert (request.effect, request.method, request.json) == ("write", "PUT", {"a": None})
    assert (request.query, dict(request.headers), request.of_record) == ((), {}, False)


@pytest.mark.parametrize(
    ("vendor_id", "escaped"),
    [
        ("oppo_8H-x.~", "oppo_8H-x.~"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("ü", "%C3%BC"),
        ("%2e", "%252e"),
        ("...", "..."),
        (12, "12"),
    ],
)
def test_an_id_is_one_segment_of_a_path(vendor_id: Any, escaped: str) -> None:
    assert segment(vendor_id) == escaped


@pytest.mark.parametrize("vendor_id", ["", ".", ".."])
def test_an_id_that_would_name_another_path_is_no_id(vendor_id: str) -> None:
    """Clients and servers fold `/..` away, also where it is escaped."""
    with pytest.raises(errors.OpportunityNotFound):
        segment(vendor_id)


@given(st.text(st.characters(codec="utf-8"), min_size=3))
def test_no_id_reaches_beyond_its_segment(vendor_id: str) -> None:
    assert re.fullmatch(r"([A-Za-z0-9_.~-]|%[0-9A-F]{2})+", segment(vendor_id))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.VendorRefused),
        (401, errors.VendorUnauthorized),
        (402, errors.VendorRefused),
        (403, errors.VendorForbidden),
        (404, errors.VendorNotFound),
        (405, errors.VendorMisspoke),
        (408, errors.VendorUnavailable),
        (409, errors.VendorConflict),
        (410, errors.VendorRefused),
        (412, errors.VendorPrecondition),
        (413, errors.VendorRefused),
        (415, errors.VendorMisspoke),
        (422, errors.VendorRefused),
        (425, errors.VendorTooEarly),
        (429, errors.VendorThrottled),
        (300, errors.VendorFaulted),
        (302, errors.VendorFaulted),
        (500, errors.VendorFaulted),
        (502, errors.VendorFaulted),
        (503, errors.VendorUnavailable),
        (504, errors.VendorUnavailable),
        (599, errors.VendorFaulted),
    ],
)
def test_a_status_means_one_kind_of_error(status: int, kind: type[VendorError]) -> None:
    """The table of api.md 7; what a write makes of it is the engine's matter."""
    error = refusal(VendorResponse(status=status), code="c", message="m")
    assert type(error) is kind
    assert error.reply == errors.VendorReply(status=status, code="c", message="m")


def test_a_vendor_s_own_words_are_repeated_where_they_help_and_cut_where_they_do_not() -> None:
    refused = refusal(VendorResponse(status=422), message="Bad lead. " + "x" * 5000)
    assert "It says: Bad lead." in refused.message
    assert refused.reply is not None
    assert len(refused.reply.message or "") == MAX_MESSAGE
    assert "It says" not in refusal(VendorResponse(status=500), message="boom").message
    assert refusal(VendorResponse(status=500), message="").reply == errors.VendorReply(status=500)


def test_a_vendor_s_own_code_may_say_more_than_the_status() -> None:
    error = refusal(
        VendorResponse(status=400), kind=errors.VendorUnknownReference, message="no lead"
    )
    assert isinstance(error, errors.VendorUnknownReference)
    assert error.reply == errors.VendorReply(status=400, message="no lead")


@pytest.mark.parametrize(
    ("vendor_key", "pointer"),
    [("cents", "/value"), ("lead", "/account"), ("views", "/vendor_fields/views"),
     ("a/b", "/vendor_fields/a~1b"), ("x.k1", "/custom_fields")],
)  # fmt: skip
def test_a_field_of_a_refusal_leads_into_the_caller_s_body(vendor_key: str, pointer: str) -> None:
    fault = Fields(ACME, {"lead": "account"}).fault(vendor_key, "no" * 5000)
    assert (fault.pointer, fault.code) == (pointer, "vendor-rejected")
    assert len(fault.detail) == MAX_MESSAGE


class Silent(Translator):
    """A translator of two words."""

    def get(self, vendor_id: str) -> Dialogue[Any]:
        reply = yield read("get", segment(vendor_id))
        try:
            other = yield read("other", "other")
        except VendorError as error:
            return reply.json, type(error)
        return reply.json, other.json

    def error(self, response: VendorResponse) -> VendorError:
        return refusal(response)

    list = create = update = delete = catalogue = find = check = get  # type: ignore[assignment]


def silent() -> Silent:
    return Silent(context())


OK = VendorResponse(status=200, json={"id": 1})


def test_a_list_of_replies_is_a_vendor() -> None:
    result, requests = play(silent(), silent().get("a/b"), [OK, OK])
    assert result == ({"id": 1}, {"id": 1})
    assert [request.path for request in requests] == ["a%2Fb", "other"]
    assert all(isinstance(request, VendorRequest) for request in requests)


def test_a_refusal_arrives_as_an_error_at_the_yield() -> None:
    result, _ = play(silent(), silent().get("1"), [OK, VendorResponse(status=404)])
    assert result == ({"id": 1}, errors.VendorNotFound)


def test_a_refusal_that_nobody_catches_leaves_the_dialogue() -> None:
    with pytest.raises(GatewayError) as caught:
        play(silent(), silent().get("1"), [VendorResponse(status=401)])
    assert isinstance(caught.value, errors.VendorUnauthorized)


def test_a_dialogue_asks_for_exactly_the_replies_there_are() -> None:
    with pytest.raises(AssertionError, match="no reply is left for GET other"):
        play(silent(), silent().get("1"), [OK])
    with pytest.raises(AssertionError, match="1 replies were not asked for"):
        play(silent(), silent().get("1"), [OK, OK, OK])


def test_a_translator_sees_no_pipelines_in_a_record_unless_it_says_so() -> None:
    assert silent().pipelines_in({"pipeline": {}}) == ()


def vendor(**more: Any) -> Vendor:
    return Vendor(
        name="acme", title="Acme", base_url="https://api.acme.example", dialect=ACME,
        credentials=Credentials, auth={"token": Bearer()}, translator=Silent, **more,
    )  # fmt: skip


def test_capabilities_are_the_declarations_that_translate() -> None:
    told = vendor().capabilities()
    assert told.fields == ACME.table()
    assert told.vendor_fields == {key: one.can for key, one in ACME.vendor_fields.items()}
    assert told.vendor_options == ACME.vendor_options
    assert (told.vendor, told.delete) == ("acme", "deletes")


def test_a_connection_s_capabilities_follow_its_options() -> None:
    assert vendor().capabilities().fields["external_id"].does("create")
    assert not vendor().capabilities(context()).fields["external_id"].does("create")
    named = context(options=Options(external_id_field="k"))
    assert vendor().capabilities(named).fields["external_id"].does("create")


def test_a_connection_may_list_in_its_own_way() -> None:
    usual, own = Listing(paging="page"), Listing(paging="cursor")

    def by_schema(where: Context) -> Listing:
        return own

    asked = vendor(listing=usual, filters=by_schema)
    assert (asked.lists(), asked.lists(context())) == (usual, own)
    assert vendor(listing=usual).lists(context()) == usual
