"""A gateway configuration for the sandbox: one connection to each simulated vendor, as TOML."""

from gateway.sandbox import close, close_seed, coperniq, reevo, reevo_seed, slant, slant_seed

_OUTCOMES = {"CLOSED_WON": "won", "CLOSED_LOST": "lost", None: "open"}
_NAMES = {"Closed won": "won", "Closed lost": "lost", "Archived": "lost"}

_TEMPLATE = """
[connections.acme-slant]
vendor = "slant"
base_url = "{url}/slant/v1"
credentials = {{ token = "{slant.READ_WRITE_TOKEN}" }}
timezone = "America/Chicago"
[connections.acme-slant.custom_fields]
source = "lead_source"
[connections.acme-slant.stage_status]
{slant_stages}
[connections.acme-slant.defaults]
vendor_fields = {{ book_id = "{slant_seed.BOOK_EAST}", pipeline_type = "prospect" }}
[connections.acme-slant.options]
pipelines = {slant_pipelines}

[connections.acme-coperniq]
vendor = "coperniq"
base_url = "{url}/coperniq/v1"
credentials = {{ api_key = "{coperniq.API_KEY}" }}
currency = "USD"
timezone = "America/Los_Angeles"
[connections.acme-coperniq.custom_fields]
source = "leadSource"
[connections.acme-coperniq.defaults]
vendor_fields = {{ address = ["900 W Lake St, Chicago, IL 60607"], trades = ["Solar"] }}
[connections.acme-coperniq.options]
external_id_field = "crmReference"
marker_field = "gatewayMark"

[connections.acme-close]
vendor = "close"
base_url = "{url}/close/api/v1"
credentials = {{ api_key = "{close.API_KEY}" }}
currency = "USD"
timezone = "America/New_York"
[connections.acme-close.custom_fields]
contract = "{contract}"
robots = "{robots}"
[connections.acme-close.defaults]
account = {{ id = "{lead}" }}
[connections.acme-close.options]
name_field = "{deal_name}"
marker_field = "{mark}"

[connections.acme-reevo]
vendor = "reevo"
base_url = "{url}/reevo/api/v2"
credentials = {{ api_key = "{reevo.READ_WRITE_KEY}" }}
currency = "USD"
timezone = "Europe/Berlin"
[connections.acme-reevo.defaults]
account = {{ id = "{account}" }}
stage = {{ id = "{first_stage}" }}
[connections.acme-reevo.options]
external_id_field = "crm_reference"
marker_field = "gateway_mark"
closing_probability_scale = "percent"
stages = [
{reevo_stages}
]
"""


def configuration(url: str) -> str:
    """The `[connections]` of a configuration file for a sandbox that is served at `url`.

    Its secrets are the sandbox's own, for show, so it loads in `environment = "development"` only.
    """
    return _TEMPLATE.format(
        url=url,
        slant=slant,
        slant_seed=slant_seed,
        coperniq=coperniq,
        close=close,
        reevo=reevo,
        slant_stages="\n".join(
            f'{stage["id"]} = "{_NAMES.get(stage["name"], "open")}"'
            for pipeline in slant_seed.PIPELINES.values()
            for stage in pipeline["pipeline_stages"]
        ),
        slant_pipelines=list(slant_seed.PIPELINES),
        contract=close_seed.field_id("Contract link"),
        robots=close_seed.field_id("Robots"),
        deal_name=close_seed.field_id("Deal name"),
        mark=close_seed.field_id("Gateway mark"),
        lead=next(iter(close_seed.leads())),
        account=next(iter(reevo_seed.tables()["account"])),
        first_stage=reevo_seed.stage("discovery"),
        reevo_stages="\n".join(
            f'  {{ id = "{stage["id"]}", name = "{stage["display_value"]}", '
            f'status = "{_OUTCOMES[stage["outcome"]]}" }},'
            for stage in reevo_seed.stages().values()
        ),
    )
