"""The HTTP face: routes, headers, callers, problems; nothing below knows of HTTP."""
