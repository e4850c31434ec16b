"""
What can go wrong, as a tree.

DriveError
├── DriveArgumentError (ValueError)       a parameter that makes no sense, found before anything was sent
│   └── DriveAddressError                 an address that cannot be understood
├── DriveAuthError                        no token could be had, or it was refused
├── DriveConnectionError                  no answer, or it was cut off
├── DriveResponseError                    an answer that is not what Graph sends
├── DriveRequestError                     Graph refused: .status .code .inner_codes .message .request_id
│   ├── DriveItemNotFoundError            404
│   ├── DriveNameConflictError            409 nameAlreadyExists
│   ├── DriveItemChangedError             412, 409 resourceModified
│   ├── DriveAccessDeniedError            403
│   ├── DriveLockedError                  423
│   ├── DriveQuotaError                   507
│   ├── DriveThrottledError               429 and 503, beyond the budget
│   └── DriveServiceError                 any other 5xx
├── DriveCopyFailedError                  the copy ended in failure: .code .details
│   └── DriveCopyNameConflictError        … since the name was taken: a DriveNameConflictError as well
├── DriveCopyTimeoutError (TimeoutError)  not done at the deadline
├── DriveArchiveError                     more documents could not be archived than may fail
└── DriveCopyUnknownError                 nobody can say how the copy ended
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class DriveError(Exception):
    """
    Anything that this package raises on purpose.

    ``retryable`` is false where no retry can succeed: the operators then fail the task and leave its
    retries unused.
    """

    retryable = True

    def __init__(self, message: str, *, retryable: bool | None = None) -> None:
        super().__init__(message)
        if retryable is not None:
            self.retryable = retryable


class DriveArgumentError(DriveError, ValueError):
    """A parameter that makes no sense, found before anything was sent."""

    retryable = False


class DriveAddressError(DriveArgumentError):
    """An address that cannot be understood."""


class DriveAuthError(DriveError):
    """No token could be had, or it was refused. The message says which setting to look at."""


class DriveConnectionError(DriveError):
    """
    No answer, or it was cut off.

    ``sent`` is false where the request certainly did not leave: it may be sent again, whatever it asks for.
    """

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class DriveResponseError(DriveError):
    """An answer that is not what Graph sends."""


class DriveRequestError(DriveError):
    """Graph refused."""

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
    """The item does not exist, or this login may not see it."""


class DriveNameConflictError(DriveRequestError):
    """The name is taken at the destination."""


class DriveItemChangedError(DriveRequestError):
    """The item is no longer what it was when it was read."""


class DriveAccessDeniedError(DriveRequestError):
    """This login may not do that."""


class DriveLockedError(DriveRequestError):
    """The item is locked, or its site is."""


class DriveQuotaError(DriveRequestError):
    """The destination is full."""


class DriveThrottledError(DriveRequestError):
    """Graph asked for more patience than there was."""


class DriveServiceError(DriveRequestError):
    """Graph failed."""


class DriveCopyFailedError(DriveError):
    """The copy ended in failure. Part of a folder may be at the destination: Graph promises no rollback."""

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
    """The copy was accepted, and failed since the name was taken: Graph says it now, or says it later."""


class DriveCopyTimeoutError(DriveError, TimeoutError):
    """
    The copy was not done at the deadline. It may still end: Graph offers no way to cancel it.

    So a retry, which comes even later, is not what heals it.
    """

    retryable = False


class DriveArchiveError(DriveError):
    """More documents could not be archived than may fail. The others are."""


class DriveCopyUnknownError(DriveError):
    """
    Nobody can say how the copy ended: its monitor is gone, and the destination does not show it.

    So a retry is not what heals it, but where it knows what was begun and looks again.
    """

    retryable = False
