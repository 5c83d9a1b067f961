"""The laws that every vendor obeys, importable by whoever writes one of their own.

    @pytest.mark.parametrize("law", conformance.laws(TRANSLATOR, CONTEXT), ids=str)
    def test_acme_obeys(law: conformance.Law) -> None:
        law(conformance.Subject(TRANSLATOR, CONTEXT, FakeAcme()))

The third is the vendor in hand: a function from a request to a response, be it forty lines of a
fake or a sandbox. With it whole dialogues are held, from a caller's JSON to the canonical answer,
without a loop or a socket. Hypothesis draws that JSON: it comes with the extra `conformance`.

What a vendor cannot do is taken from its capabilities, never from its name: a cell that says
`unsupported` is passed over, and a field that is not read back as it was sent says so in
`reads_back`.
"""

from gateway.conformance.laws import Law, laws
from gateway.conformance.subject import Answer, Played, Subject, converse, play

__all__ = ["Answer", "Law", "Played", "Subject", "converse", "laws", "play"]
