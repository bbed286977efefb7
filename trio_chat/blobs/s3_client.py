"""The client of S3 that is used (boto3), and what its errors mean."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_chat.blobs.places import S3Place

CONNECT_S: Final = 5
SILENCE_S: Final = 15
"""So long a connection may be silent."""

ATTEMPTS: Final = 2
CONNECTIONS: Final = 16
"""So many calls go on at a time; more wait."""

REGION: Final = "us-east-1"
"""Where neither the operator nor the environment names one: most other stores ask for none."""

_NO_CREDENTIALS: Final = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

_WRONG_CREDENTIALS: Final = {
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
}
_WRONG_REGION: Final = {
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
}
_FULL: Final = {"QuotaExceeded", "XMinioStorageFull"}

_SET_CREDENTIALS: Final = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else AWS tools read."


class NeedsChange(OSError):
    """The store cannot be used until somebody changes something: ``--files``, the credentials, the bucket."""


class NoObject(LookupError):
    """There is no such object, or it is not the one any more that it was."""


def make_client(place: S3Place) -> Any:  # noqa: ANN401
    """A client, which many threads may use. Its credentials come from the environment, as AWS tools take them. Raises
    as `explaining` does."""
    with explaining(place):
        session = boto3.session.Session()
        return session.client(
            "s3",
            endpoint_url=place.endpoint,
            region_name=place.region or session.region_name or REGION,
            config=Config(
                connect_timeout=CONNECT_S,
                read_timeout=SILENCE_S,
                max_pool_connections=CONNECTIONS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                s3={"addressing_style": "path" if place.endpoint else "auto"},
                # Other stores do not know the checksums that Amazon's added in 2024.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )


@contextmanager
def explaining(place: S3Place) -> Iterator[None]:
    """Turn errors of the client into `OSError` with sentences, `NeedsChange` where somebody has to do something. Raises
    `NoObject` if the object is not there."""
    try:
        yield
    except ClientError as error:
        raise _refusal(place, error) from error
    except _NO_CREDENTIALS as error:
        raise NeedsChange(f"There are no credentials for {place}: {error}. {_SET_CREDENTIALS}") from error
    except BotoCoreError as error:
        raise OSError(f"{place} cannot be reached just now: {error}.") from error


def status_of(error: ClientError) -> int:
    """The status of HTTP that the store answered with; 0 if it did not say one."""
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status


def _refusal(place: S3Place, error: ClientError) -> Exception:
    said = error.response.get("Error", {})
    code, reason = said.get("Code", ""), f"{said.get('Code')}, {said.get('Message')}"
    status = status_of(error)
    if code == "NoSuchBucket":
        return NeedsChange(
            f"There is no bucket {place.bucket} for {place}. Make it, or name another with --files."
        )
    if code in _WRONG_CREDENTIALS:
        return NeedsChange(f"{place} does not take these credentials ({reason}). {_SET_CREDENTIALS}")
    if code in _WRONG_REGION or status in (301, 307):
        return NeedsChange(f"{place} is in another region ({reason}). Add region= to --files.")
    if code == "RequestTimeTooSkewed":
        return NeedsChange(f"{place} finds that the clock of this machine is wrong. Set it.")
    if status in (404, 412):
        return NoObject(place)
    if status in (401, 403):
        return NeedsChange(
            f"{place} does not allow this ({reason}). The credentials need s3:ListBucket, s3:GetObject, s3:PutObject, "
            "s3:DeleteObject, s3:AbortMultipartUpload and s3:ListBucketMultipartUploads."
        )
    if code in _FULL or status == 507:
        return OSError(
            errno.ENOSPC, f"{place} is full ({reason}). Make space, or delete messages with files."
        )
    return OSError(f"{place} answers {status} just now ({reason}).")
