"""
The exceptions of this package.

DriveError
├── DriveArgumentError (ValueError)       an invalid parameter, found before anything was sent
│   └── DriveAddressError                 an invalid address
├── DriveAuthError                        could not get a token, or Graph refused it
├── DriveConnectionError                  no answer, or an incomplete one
├── DriveResponseError                    an answer that is not a valid answer of Graph
├── DriveRequestError                     Graph's error: .status .code .inner_codes .message .request_id
│   ├── DriveItemNotFoundError            404
│   ├── DriveNameConflictError            409 nameAlreadyExists
│   ├── DriveItemChangedError             412, 409 resourceModified
│   ├── DriveAccessDeniedError            403
│   ├── DriveLockedError                  423
│   ├── DriveQuotaError                   507
│   ├── DriveThrottledError               429 and 503, beyond the budget
│   └── DriveServiceError                 any other 5xx
├── DriveCopyFailedError                  Graph accepted the copy, then it failed: .code .details
│   └── DriveCopyNameConflictError        … because the name is taken: also a DriveNameConflictError
├── DriveCopyTimeoutError (TimeoutError)  the copy was not complete at the deadline
├── DriveArchiveError                     more documents than allowed could not be archived
├── DriveTransferError                    documents could not be handed over to object storage, or back
└── DriveCopyUnknownError                 the outcome of the copy is unknown
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class DriveError(Exception):
    """
    Base class of this package's exceptions.

    ``retryable`` is false if no retry can succeed: the operators then fail the task without using retries.
    ``trace`` is the last line of the message: the request, with the ids in it, and Graph's id of it.
    """

    retryable = True
    trace = ""

    def __init__(self, message: str, *, retryable: bool | None = None) -> None:
        super().__init__(message)
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        return "\n".join(filter(None, [super().__str__(), self.trace]))

    def add(self, text: str) -> None:
        """Add a line to the message, above the trace."""
        self.args = (f"{self.args[0]}\n{text}", *self.args[1:])


class DriveArgumentError(DriveError, ValueError):
    """A parameter is not valid. Nothing was sent."""

    retryable = False


class DriveAddressError(DriveArgumentError):
    """An address is not valid."""


class DriveAuthError(DriveError):
    """Could not get a token, or Graph refused it. The message names the setting to check."""


class DriveConnectionError(DriveError):
    """
    There was no answer, or it was incomplete.

    ``sent`` is false if the request was certainly not sent, so that any request can be sent again.
    """

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class DriveResponseError(DriveError):
    """An answer is not a valid answer of Graph."""


class DriveRequestError(DriveError):
    """
    Graph answered with an error.

    :param text: The exception's message.
    :param status: HTTP status.
    :param code: Graph's error code.
    :param inner_codes: Codes of the inner errors, outermost first.
    :param message: Graph's own message.
    :param request_id: Graph's id of the request, for Microsoft support.
    """

    def __init__(
        self,
        text: str,
        *,
        status: int = 0,
        code: str = "",
        inner_codes: Sequence[str] = (),
        message: str = "",
        request_id: str = "",
        retryable: bool | None = None,
    ) -> None:
        super().__init__(text, retryable=retryable)
        self.status = status
        self.code = code
        self.inner_codes = tuple(inner_codes)
        self.message = message
        self.request_id = request_id


class DriveItemNotFoundError(DriveRequestError):
    """
    The item does not exist, or this login may not see it.

    ``address`` is the item's address, if it was looked up by one.
    """

    address: Any = None


class DriveNameConflictError(DriveRequestError):
    """The name is taken at the destination."""


class DriveItemChangedError(DriveRequestError):
    """The item has changed since it was read."""


class DriveAccessDeniedError(DriveRequestError):
    """This login does not have permission."""


class DriveLockedError(DriveRequestError):
    """The item or its site is locked."""


class DriveQuotaError(DriveRequestError):
    """The destination has no space left."""


class DriveThrottledError(DriveRequestError):
    """Graph throttled the request for longer than the retries lasted."""


class DriveServiceError(DriveRequestError):
    """Graph failed to process the request."""


class DriveCopyFailedError(DriveError):
    """
    Graph accepted the copy, then it failed. Part of a folder may be at the destination.

    :param code: Graph's error code.
    :param details: Graph's details, mappings with ``code``, ``message`` and ``target`` as far as present.
    """

    def __init__(
        self,
        text: str,
        *,
        code: str = "",
        details: Sequence[Mapping[str, Any]] = (),
        retryable: bool | None = None,
    ) -> None:
        super().__init__(text, retryable=retryable)
        self.code = code
        self.details = tuple(details)


class DriveCopyNameConflictError(DriveCopyFailedError, DriveNameConflictError):
    """Graph accepted the copy, then it failed because the name is taken at the destination."""


class DriveCopyTimeoutError(DriveError, TimeoutError):
    """
    The copy was not complete at the deadline. It may still complete: Graph cannot cancel it.

    It is not retryable, unless the retry resumes from stored state: then it looks at the same copy again.
    """

    retryable = False


class DriveArchiveError(DriveError):
    """More documents than allowed could not be archived. All others are archived."""


class DriveTransferError(DriveError):
    """
    A document could not be handed over to object storage, or back, or more of them than allowed.

    All others are handed over.
    """


class DriveCopyUnknownError(DriveError):
    """
    The outcome of the copy is unknown: its monitor is gone, and it is not found at the destination.

    It is not retryable, unless the retry resumes from stored state and searches the destination again.
    """

    retryable = False
