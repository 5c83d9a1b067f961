"""The vendors: one file is one vendor, and its file name is its registration.

A third party's vendor comes from the entry-point group `gateway.vendors`, whose names are vendor
names and whose values are `Vendor` objects.
"""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType

from gateway.translator import Vendor

ENTRY_POINT_GROUP = "gateway.vendors"


@cache
def installed() -> Mapping[str, Vendor]:
    """Every vendor by name, in order of name.

    Raises TypeError for an entry point that is not a `Vendor`, or that takes another's name.
    """
    found = {module.name: _own(module.name) for module in pkgutil.iter_modules(__path__)}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        vendor = point.load()
        if not isinstance(vendor, Vendor) or vendor.name != point.name:
            raise TypeError(f"the entry point {point.name} of {point.value} is not a Vendor")
        if point.name in found:
            raise TypeError(f"the entry point {point.name} takes an installed vendor's name")
        found[point.name] = vendor
    return MappingProxyType(dict(sorted(found.items())))


def _own(name: str) -> Vendor:
    vendor: Vendor = import_module(f"{__name__}.{name}").TRANSLATOR
    return vendor
