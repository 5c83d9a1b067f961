"""The engine: everything that waits, fails and remembers, and knows no vendor.

Reading order: exchange (what a call is), conduct (the driver of dialogues), wire (the bytes), the
layers around it (deadline, credentials, health, retry, breaker, bulkhead, limiter), guards (what
those remember), token_call and renewal (credentials that run out), catalogue and resolver.
"""
