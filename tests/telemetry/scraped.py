"""What `/metrics` answers, read as Prometheus reads it."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families


class Scraped(dict[str, float]):
    """Samples by their spelling, such as `gateway_breaker_open{connection="acme-one"}`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.labels: dict[str, set[str]] = {}
        for family in text_string_to_metric_families(text):
            self.labels.setdefault(family.name, set())
            for sample in family.samples:
                spelled = _spelled(sample.name, sample.labels)
                assert spelled not in self, "a sample that is told twice spoils the whole scrape"
                self[spelled] = sample.value
                self.labels[family.name] |= sample.labels.keys() - {"le"}


def _spelled(name: str, labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inside}}}" if inside else name
