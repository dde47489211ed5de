"""The errors of S3 in words, and which of them pass."""

import errno
from collections.abc import Mapping
from typing import Final

from cxr_edge.errors import CxrError, UsageError
from cxr_edge.system.printable import first_line, shortened

_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""States of HTTP that say something of the server and nothing of the question."""

_BUSY_CODES: Final = frozenset(
    {
        "ConditionalRequestConflict", "InternalError", "OperationAborted", "RequestTimeout",
        "ServiceUnavailable", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests",
        "XMinioServerNotInitialized",
    }
)  # fmt: skip
"""Codes of S3 that say the same."""

_CREDENTIALS: Final = "the server does not accept the credentials; check them, and the clock"

_REGION: Final = "the bucket is in another region; set AWS_DEFAULT_REGION to its region"

_REFUSALS: Final[Mapping[str, tuple[int, str]]] = {
    "NoSuchBucket": (
        errno.ENOENT,
        "there is no such bucket; check its name, and AWS_ENDPOINT_URL if it is not at Amazon",
    ),
    "NoSuchKey": (errno.ENOENT, "it is not in the bucket any more"),
    "PreconditionFailed": (errno.EEXIST, "it is there already"),
    "InvalidObjectState": (errno.EACCES, "it is in an archive of the server; restore it first"),
    "InvalidRange": (errno.ERANGE, "the file is shorter than it was"),
    "AuthorizationHeaderMalformed": (errno.ENODEV, _REGION),
    "IllegalLocationConstraintException": (errno.ENODEV, _REGION),
    "PermanentRedirect": (errno.ENODEV, _REGION),
    "ExpiredToken": (errno.EACCES, _CREDENTIALS),
    "InvalidAccessKeyId": (errno.EACCES, _CREDENTIALS),
    "InvalidToken": (errno.EACCES, _CREDENTIALS),
    "RequestTimeTooSkewed": (errno.EACCES, _CREDENTIALS),
    "SignatureDoesNotMatch": (errno.EACCES, _CREDENTIALS),
    "TokenRefreshRequired": (errno.EACCES, _CREDENTIALS),
}
"""Errors by the code of S3."""

_DENIED: Final = (
    errno.EACCES,
    (
        "access denied; the credentials must allow s3:ListBucket and s3:GetObject, and also "
        "s3:PutObject where shards are written"
    ),
)

_STATES: Final[Mapping[int, tuple[int, str]]] = {
    301: (errno.ENODEV, _REGION),
    307: (errno.ENODEV, _REGION),
    401: _DENIED,
    403: _DENIED,
    404: _REFUSALS["NoSuchKey"],
}
"""Errors by the state of HTTP, where the code says nothing."""


def may_pass(exc: Exception) -> bool:
    """Tell whether an error of a request may be gone when it is made again."""
    from botocore.exceptions import ClientError, ConnectionError, IncompleteReadError  # noqa: A004
    from s3fs.core import S3_RETRYABLE_ERRORS

    if isinstance(exc, ClientError):
        code, state = _code(exc)
        return state in _BUSY or code in _BUSY_CODES
    if isinstance(exc, CxrError):
        return False
    lost = (ConnectionError, IncompleteReadError, OSError, *S3_RETRYABLE_ERRORS)
    return isinstance(exc, lost)


def translated(exc: Exception, bucket: str) -> Exception:
    """Return an error of a request as one whose message is for a person, without credentials.

    Parameters
    ----------
    exc
        The error.
    bucket
        Bucket that was asked.
    """
    from botocore import exceptions as theirs

    if isinstance(exc, CxrError | MemoryError):
        return exc
    if isinstance(exc, theirs.NoCredentialsError | theirs.PartialCredentialsError):
        return UsageError(
            f"s3://{bucket}: expected credentials in the environment or a profile, got none; set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )
    if isinstance(exc, theirs.ProfileNotFound):
        return UsageError(
            f"s3://{bucket}: the profile that AWS_PROFILE names is not in the configuration of "
            "AWS; check its spelling"
        )
    number, why = errno.EIO, "the request to the server failed"
    if isinstance(exc, theirs.ClientError):
        code, state = _code(exc)
        said = errno.EIO, f"the server answered {state} ({code})"
        number, why = _REFUSALS.get(code) or _STATES.get(state) or said
    elif may_pass(exc):
        number, why = (
            errno.EHOSTDOWN,
            (
                "the server does not answer; check the network, and AWS_ENDPOINT_URL if the "
                "bucket is not at Amazon"
            ),
        )
    elif isinstance(exc, theirs.BotoCoreError | ValueError):
        line = first_line(exc)
        quoted = "" if "@" in line else f": {shortened(line, 200)}"  # it may have a password
        number, why = (
            errno.EINVAL,
            f"the name of the bucket or the settings of AWS cannot be used{quoted}",
        )
    return OSError(number, why)  # which is a FileNotFoundError or PermissionError by its number


def _code(exc: Exception) -> tuple[str, int]:
    """Return the code of S3 and the state of HTTP."""
    answer = getattr(exc, "response", {})
    code = str(answer.get("Error", {}).get("Code", ""))
    return code, int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
