"""opportunity-gateway: one canonical opportunity API in front of many CRM vendors.

The map, in reading order:

errors          everything that can go wrong, drawn as a tree
canonical       the language: opportunity, money, pipelines, capabilities, exact JSON
normalizer      spelling: the notations that dialects are tables of
translator      THE port: what a vendor's file offers, what the engine gives it
vendors         one file = one vendor
engine          everything that waits or fails: conduct, exchange, wire, layers
idempotency     every write once: the store and its scripts, the gate, finding out by reading
connections     an account at a vendor
shared          what replicas share through Redis besides records: rate limits, switches
opportunities   the use cases: get, create, update, delete, rehearse
listing         the use case that drains several connections
evidence        the use case that finds out by reading what became of a write
telemetry       what operators are told
api             the HTTP face: routes, callers, problems
settings        the TOML file → one frozen model
app             the composition root
conformance     the laws that every vendor obeys, for third parties too
sandbox         the vendors, simulated
matrix          what vendors can do, as the README shows it
demo            a short tour on the sandbox
__main__        the command line
"""

__version__ = "0.1.0"
