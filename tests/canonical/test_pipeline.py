"""The catalogue: what a connection offers to refer to."""

from gateway.canonical.custom_fields import CustomField
from gateway.canonical.pipeline import Catalogue, Pipeline, Stage, merged

NEW, WON = Stage(id="s1", name="New"), Stage(id="s2", name="Won", status="won")
SALES = Pipeline(id="p1", name="Sales", stages=(NEW, WON))
RENEWALS = Pipeline(id="p2", stages=(Stage(id="s3"),))
CATALOGUE = Catalogue(
    pipelines=(SALES, RENEWALS), custom_fields=(CustomField(key="source", vendor_key="cf_1"),)
)


def test_stages_come_with_their_pipeline_and_in_order() -> None:
    found = [(pipeline.id, stage.id) for pipeline, stage in CATALOGUE.stages()]
    assert found == [("p1", "s1"), ("p1", "s2"), ("p2", "s3")]


def test_a_stage_leads_to_its_pipeline() -> None:
    assert CATALOGUE.pipeline_of("s3") == "p2"
    assert CATALOGUE.pipeline_of("s9") is None


def test_a_definition_is_found_by_the_vendor_s_key() -> None:
    assert CATALOGUE.field("cf_1") == CustomField(key="source", vendor_key="cf_1")
    assert CATALOGUE.field("source") is None


def test_a_vendor_that_lists_nothing_has_an_empty_catalogue() -> None:
    nothing = Catalogue()
    assert list(nothing.stages()) == []
    assert nothing.field("cf_1") is None


def test_a_later_sight_of_a_pipeline_replaces_the_earlier() -> None:
    grown = SALES.model_copy(update={"stages": (*SALES.stages, Stage(id="s4"))})
    assert merged((SALES, RENEWALS, grown)) == (grown, RENEWALS)


def test_a_field_can_be_written_unless_the_vendor_says_otherwise() -> None:
    assert Catalogue().lets("title", "create")
    ruled = Catalogue(writable=frozenset({("title", "update")}))
    assert (ruled.lets("title", "update"), ruled.lets("title", "create")) == (True, False)


def test_of_what_shares_an_id_the_first_is_found() -> None:
    """The look-ups by id tell what going through in order would."""
    twin = Pipeline(id="p3", stages=(Stage(id="s1", name="Another"),))
    fields = (CustomField(key="a", vendor_key="cf_1"), CustomField(key="b", vendor_key="cf_1"))
    catalogue = Catalogue(pipelines=(SALES, twin), custom_fields=fields)
    assert catalogue.stage("s1") is NEW
    assert catalogue.pipeline_of("s1") == "p1"
    assert catalogue.field("cf_1") is fields[0]
    assert catalogue.stage(None) is None
