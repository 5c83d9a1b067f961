"""What the gateway costs beside its peers, measured in one run: `make bench`.

Reading order: goals (what is asked for), recording and stub (fast vendors that answer what the
sandbox answered), houses (the peers and the gateway, each a process) and installed (what that
finds), load (requests and their times), meter (processor and memory by the kernel's books), rounds
(how it is measured), growth, cross (the same by wrk), rooms (where the time goes), refusals,
report.
"""
