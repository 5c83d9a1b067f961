"""Native idempotency: a vendor that dedupes by itself is sent a key of the write's own."""

from gateway.canonical.capabilities import NativeIdempotency
from gateway.engine.exchange import Call, Exchange, Layer
from gateway.translator import VendorResponse


def deduplicated(native: NativeIdempotency) -> Layer:
    """A layer that adds the derived key to writes whose method the vendor dedupes, if any."""
    header = native.header

    def around(inner: Exchange) -> Exchange:
        if not header:
            return inner

        async def exchange(call: Call) -> VendorResponse:
            request = call.request
            if request.effect == "write" and request.method in native.methods:
                key = call.permit.native_key(request)
                if key is not None:
                    call.headers[header] = key
            return await inner(call)

        return exchange

    return around
