"""What operators are told: every event goes once to whoever listens.

Reading order: hooks (what happens, and who is told), logs, foreign (what libraries
say), metrics, scrape (what `/metrics` answers), ledger (of requests), spans (of traces), export (to
a collector).
"""
