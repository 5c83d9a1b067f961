"""What replicas share through Redis besides the records of writes, and how Redis is called at all.

Reading order: nodes (where keys lie), moving (where they lie now), calls, scripts; limits
(the port, and all or nothing), sliding (the same in one process), redis_limits, shares (what a
replica permits itself while Redis is away); switches (sick vendors); grants (tokens that run out);
ledger (what was asked).
"""
