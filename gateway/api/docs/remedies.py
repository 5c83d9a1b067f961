"""When a problem comes, and what to do about it, code by code; a test holds that none is missing.

What a code means is said where it is defined, in `gateway.errors`; how its status and its `retry`
are to be taken holds for all codes and stands in the guide to errors.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Remedy(NamedTuple):
    """When a problem comes, and what its reader can do."""

    when: str
    do: str
    guide: str = "errors"
    of_writes: bool = True
    """Whether its example is one of a write, which has an outcome."""


REMEDIES: Final[Mapping[str, Remedy]] = {
    "malformed-request": Remedy(
        "The body is not strict JSON (a name twice, NaN, broken UTF-8, nested over 64 deep), or a "
        "header or parameter cannot be read.",
        "Write the body with a JSON library, and send what `detail` asks for.",
    ),
    "invalid-cursor": Remedy(
        "A `cursor` was changed, is older than a day, or came from another query or caller.",
        "Start the list again without `cursor`. Send the same query with every cursor of it.",
        "lists",
        of_writes=False,
    ),
    "validation-failed": Remedy(
        "A member, parameter or header is missing, unknown, of the wrong type or out of range. "
        "A misspelt name is never ignored.",
        "Go through `errors`: each names its place, and often the values that are `allowed`.",
    ),
    "unsupported-field": Remedy(
        "The body has fields that this connection's vendor cannot create, change or clear. All of "
        "them are named at once, and nothing was written.",
        "Leave them out, or send `Prefer: handling=lenient`: they are then left out for you and "
        "named in `warnings`. Capabilities tell beforehand.",
    ),
    "value-not-representable": Remedy(
        "The vendor's unit is coarser than the value: whole dollars, whole per cent, one currency.",
        "Send one of the values in `allowed`, or `Prefer: handling=lenient` to have an amount or a "
        "probability rounded.",
        "money",
    ),
    "unknown-reference": Remedy(
        "A stage, pipeline, owner, account or contact of the body does not exist on this "
        "connection, or the vendor says so of an id.",
        "Choose from `allowed`, or read the connection's pipelines and users.",
    ),
    "ambiguous-reference": Remedy(
        "A name fits several stages or pipelines, or a `status` has several stages.",
        "Refer to it by the `id` of one of the candidates in `allowed`, or name the pipeline too.",
    ),
    "unknown-custom-field": Remedy(
        "A key of `custom_fields` is neither an alias of the connection nor a field of its vendor.",
        "Read the connection's custom fields, and use a `key` that is there.",
        "custom-fields",
    ),
    "unsupported-filter": Remedy(
        "A connection that the list names cannot filter or sort in this way.",
        "Leave the filter out and select in your program, or leave out the connection: a list that "
        "names none skips those that cannot, and says so in `errors`.",
        "lists",
        of_writes=False,
    ),
    "operation-unsupported": Remedy(
        "The vendor has no such operation, or documents none: deleting, say, or listing users.",
        "Do without it on this connection. Its capabilities tell what it has under `operations`.",
    ),
    "precondition-failed": Remedy(
        "`If-Match` names another version than the vendor's record has: somebody changed it.",
        "Read the opportunity again, look whether your change still makes sense, and send it with "
        "the new `etag`.",
    ),
    "precondition-required": Remedy(
        "The operator wants `If-Match` on every write to this connection.",
        "Read the opportunity and send its `etag` in `If-Match`.",
    ),
    "matches-existing": Remedy(
        "The vendor matches instead of creating, and has a record that fits: `opportunity_id`.",
        "Update that opportunity, or create one that differs in what the vendor matches by.",
    ),
    "opportunity-not-found": Remedy(
        "The vendor has no opportunity of this id, or has it no more.",
        "Take it out of your copy if you keep one.",
    ),
    "connection-not-found": Remedy(
        "No connection has this name, or you may not see the one that has.",
        "List the connections; if one is missing there, ask the operator.",
    ),
    "operation-not-found": Remedy(
        "No write of yours has this operation id, or its record has ended.",
        "Read the opportunity itself to see what is there.",
        "idempotency",
        of_writes=False,
    ),
    "operation-settled": Remedy(
        "An operator resolves a write that is settled already, in another way.",
        "Read the operation: its outcome stands.",
        "idempotency",
        of_writes=False,
    ),
    "request-not-found": Remedy(
        "The gateway keeps no ledger of requests, or its record has ended, or was never written: "
        "only writes and failures of known callers are kept, and not while the store is slow.",
        "Look for the request id in the gateway's log; `detail` says whether there is a ledger.",
        of_writes=False,
    ),
    "route-not-found": Remedy(
        "The path is none of this API; a slash too many is enough.",
        "Compare it with the reference.",
        of_writes=False,
    ),
    "method-not-allowed": Remedy(
        "The path exists, with other methods.",
        "Use one that the header `Allow` names.",
        of_writes=False,
    ),
    "body-too-large": Remedy(
        "The body is larger than 1 MiB.",
        "Send less. Files belong at the vendor, and their addresses here.",
    ),
    "headers-too-large": Remedy(
        "The header lines of the request are too many or too long together.",
        "Send fewer: cookies and the marks of proxies are not wanted here.",
        of_writes=False,
    ),
    "unsupported-media-type": Remedy(
        "`Content-Type` is not JSON.",
        "Send `application/json`, or `application/merge-patch+json` with a PATCH.",
    ),
    "request-timeout": Remedy(
        "The request did not arrive whole within the time that it has.",
        "Send it again; if that goes on, look at the network between.",
    ),
    "unauthenticated": Remedy(
        "`Authorization` is missing, or its key or token is unknown or has expired.",
        "Send `Authorization: Bearer …` with a valid key or a fresh token.",
    ),
    "forbidden": Remedy(
        "You are known, and lack the scope for this.",
        "Ask the operator of the gateway for the scope.",
    ),
    "store-unavailable": Remedy(
        "The store of write records is away. Without a record no write is sent; reads go on.",
        "Send the same request again after `Retry-After`, under the same key.",
        "idempotency",
    ),
    "overloaded": Remedy(
        "More requests are under way or waiting than are taken at once.",
        "Send the same request again after `Retry-After`, and fewer at a time.",
    ),
    "record-busy": Remedy(
        "Another write to the same opportunity held it for as long as yours could wait.",
        "Send the same request again after `Retry-After`, under the same key.",
    ),
    "keys-unavailable": Remedy(
        "The issuer's keys cannot be read, so no token can be judged. Yours may be good.",
        "Send the same request again after `Retry-After`.",
    ),
    "idempotency-key-missing": Remedy(
        "The operator wants a key of the caller's with every write.",
        "Send an `Idempotency-Key`, a new one for each write.",
        "idempotency",
    ),
    "idempotency-key-invalid": Remedy(
        "The key is empty, longer than 255 characters, not printable ASCII, or sent twice.",
        "Send one plain key, such as a UUID.",
        "idempotency",
    ),
    "idempotency-key-reused": Remedy(
        "The key came before with another method, path or body. Nothing was done.",
        "Give this write a key of its own. If you meant to repeat the first, send that one "
        "unchanged.",
        "idempotency",
    ),
    "idempotency-in-progress": Remedy(
        "The same request under the same key is still under way, here or on another replica.",
        "Send it again after `Retry-After`, under the same key: then comes the first one's answer.",
        "idempotency",
    ),
    "history-lost": Remedy(
        "Records were lost, this write may have run before, and its record cannot be looked up.",
        "Do not send it under a new key. Look at the vendor whether it is there, or ask the "
        "operator.",
        "idempotency",
    ),
    "connection-disabled": Remedy(
        "An operator switched the connection off, or allows only reads on it.",
        "Wait until it is back; `get_connection` tells.",
    ),
    "vendor-rejected": Remedy(
        "The vendor read the request and refused it, by a rule that only it knows.",
        "Read `vendor.message` and `errors`, mend the request, and send it under a new key.",
    ),
    "vendor-conflict": Remedy(
        "The vendor finds the request at odds with the state of its record.",
        "Read the opportunity again, and send what still makes sense under a new key.",
    ),
    "vendor-credentials-invalid": Remedy(
        "The vendor does not accept the connection's credentials. Yours are fine.",
        "Tell the operator, who has to renew them.",
    ),
    "vendor-forbidden": Remedy(
        "The vendor knows the connection's credentials and does not allow them this.",
        "Tell the operator, who has to widen them.",
    ),
    "rate-limited": Remedy(
        "A limit is reached: yours here if `origin` is `gateway`, else the vendor's, after as "
        "much waiting as the request had time for.",
        "Send the same request again after `Retry-After`, a write under the same key. "
        "`RateLimit` tells what you have left.",
    ),
    "vendor-unavailable": Remedy(
        "The vendor cannot be reached, says that it is down, or failed so often of late that "
        "nothing is sent to it for a while.",
        "Send the same request again after `Retry-After`, a write under the same key.",
    ),
    "vendor-bad-response": Remedy(
        "The vendor broke down, or answered with something that cannot be what it means.",
        "Do what `retry` says. On a write, `outcome` tells what became of it.",
    ),
    "vendor-timeout": Remedy(
        "The vendor did not answer a read in time.",
        "Send the same request again; `X-Request-Timeout-Ms` can give it longer.",
        of_writes=False,
    ),
    "deadline-exceeded": Remedy(
        "Less time was left than the vendor needs, so nothing was sent.",
        "Send the same request again, with a longer `X-Request-Timeout-Ms` if you set one.",
    ),
    "partially-applied": Remedy(
        "The write takes several calls at this vendor. One was applied, and a later one was not.",
        "Do not repeat it. `opportunity_id` names the record and `applied` what it has: send the "
        "rest in a PATCH under a new key.",
        "idempotency",
    ),
    "outcome-indeterminate": Remedy(
        "The write was sent, and no answer tells what became of it. The gateway looks.",
        "Send the same request again after `Retry-After`, always under the same key, until it is "
        "settled. With `retry` `operator` a person has to settle it.",
        "idempotency",
    ),
    "internal-error": Remedy(
        "The gateway has a fault.",
        "Tell the operator the `request_id`; the log has the details. A write may come again under "
        "the same key.",
    ),
}
"""Code → when it comes and what to do."""
