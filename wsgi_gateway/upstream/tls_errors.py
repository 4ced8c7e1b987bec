"""Why there is no TLS connection with an upstream, in words that a client may read."""

import ssl
from collections.abc import Iterator

import requests


def what_is_wrong(error: requests.exceptions.SSLError) -> str:
    """One sentence. OpenSSL's own names hosts, so of that there is only what is said of certificates in general."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = cause.verify_message.partition(",")[0].strip().lower()
            return f"the upstream's certificate is not accepted: {reason}"
    return "no TLS connection with the upstream could be made"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what led to it: requests and urllib3 hand exceptions on as arguments, or as causes."""
    told: BaseException | None = error
    while told is not None:
        yield told
        yield from (each for each in told.args if isinstance(each, BaseException))
        told = told.__cause__ or told.__context__
