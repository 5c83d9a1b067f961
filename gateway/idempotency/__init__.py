"""Every write once: its key is claimed, its send recorded, its answer kept, its fate found out.

The map, in reading order (decision record 0022 says who owns what, and why):

record          what is kept of a write; `addresses` say where
transitions     what a record may become, in Python; `scripts/*.lua` say the same to Redis
store           THE contract: each call atomic, by the store's clock, safe to repeat; its `replies`
memory, redis   the two stores; `scripts`, `aged` and `durability` belong to the second
keys            the caller's key, and what is derived of it for the vendor
fingerprint     whether a request is the one that a key belongs to
signing         the HMAC behind both
sealing         the encryption of what is kept; `envelope` is what is in it of a request
answer          what a caller was told, to be told again byte for byte
doing           THE port to the rooms above: do a write, tell of it, look for its effect
registry        what all of this shares; `timers` has every duration
permit          the gate: no byte leaves before the record says so
lease           writers to one opportunity take turns
run             one execution, and how it is concluded
once            the way in: claim, wait, replay or refuse
verdicts        what a look at the vendor means
reconcile       the looks, and acting on them
sweep           what dead holders left behind
monitor         whether the store forgets, by the counts of `amnesia`, and whether we are too late
"""
