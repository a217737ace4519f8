"""s3://bucket/prefix: a model's files in a bucket of S3, or of a server that speaks its protocol.

Credentials are the request's own (AWS_ACCESS_KEY_ID…), else what the pod has by its service account (IRSA,
Pod Identity) or its node; without any, requests go unsigned, which public buckets allow. AWS_ENDPOINT_URL and
AWS_REGION (the secret's) are honoured, else AWS_ENDPOINT_URL_S3 and AWS_DEFAULT_REGION (the chart's). boto3
downloads in parts, several at a time, and fetches a part anew whose connection dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from neuron_compiler.failure import CompileError, one_line
from neuron_compiler.progress import Progress
from neuron_compiler.request import Model
from neuron_compiler.sources import checksum, files, limits, scratch

_UNAUTHORIZED = {"401", "403", "AccessDenied", "AccountProblem", "AllAccessDisabled", "ExpiredToken"} | {
    "InvalidAccessKeyId",
    "InvalidIdentityToken",
    "InvalidToken",
    "ExpiredTokenException",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
}
_ABSENT = {"404", "NoSuchBucket", "NoSuchKey", "InvalidBucketName"}


@dataclass(frozen=True)
class Object:
    """An object below the prefix: its key, its name relative to the prefix and its size in bytes."""

    key: str
    name: str
    size: int


def download(model: Model, environ: Mapping[str, str], progress: type[Progress]) -> Path:
    """Downloads what a compile needs; returns the directory. Raises CompileError."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, prefix = model.uri.removeprefix("s3://").partition("/")
    directory = scratch.directory(environ)
    try:
        s3 = client(environ)
        listed = islice(objects(s3, bucket, prefix.strip("/")), limits.MOST_FILES + 1)
        found = {item.name: item for item in listed}
        if len(found) > limits.MOST_FILES:
            raise limits.refused(model, f"holds more than {limits.MOST_FILES} files")
        if not found:
            raise CompileError(
                "SourceNotFound",
                f"The bucket {bucket} has nothing below {prefix or '/'}: put the model's files there, or "
                "correct spec.model.uri.",
            )

        def content(name: str) -> bytes:
            limits.check_small(model, name, found[name].size)
            body: bytes = s3.get_object(Bucket=bucket, Key=found[name].key)["Body"].read()
            return body

        chosen = [found[name] for name in files.wanted(found, model, content)]
        total = sum(item.size for item in chosen)
        print(f"fetch: {len(chosen)} files, {scratch.gigabytes(total)} of {model.uri}", flush=True)
        scratch.need(total, directory, model.uri)
        advance = progress("fetch", "bytes", total).advance
        for item in chosen:
            path = directory / item.name
            path.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, item.key, str(path), Callback=advance, Config=_parts())
            check(s3, bucket, item, path)
    except ClientError as error:
        raise _refused(model, error) from error
    except (BotoCoreError, Boto3Error) as error:
        raise _lost(model, environ, error) from error
    except OSError as error:
        raise scratch.failed(error, directory, model.uri) from error
    return directory


def client(environ: Mapping[str, str]) -> Any:
    """A client of S3 with the pod's credentials and endpoint."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    session = boto3.Session(
        region_name=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None
    )
    # Given to the client and not to the session, which would sign with half a pair of keys.
    keys = {
        "aws_access_key_id": environ.get("AWS_ACCESS_KEY_ID") or None,
        "aws_secret_access_key": environ.get("AWS_SECRET_ACCESS_KEY") or None,
        "aws_session_token": environ.get("AWS_SESSION_TOKEN") or None,
    }
    endpoint = _endpoint(environ)
    # Servers of one's own seldom have a DNS name for each bucket.
    settings: dict[str, Any] = {"s3": {"addressing_style": "path"}} if endpoint else {}
    if not any(keys.values()) and session.get_credentials() is None:
        settings["signature_version"] = UNSIGNED
    tries = {"mode": "standard", "total_max_attempts": 6}
    return session.client("s3", endpoint_url=endpoint, config=Config(retries=tries, **settings), **keys)


def _endpoint(environ: Mapping[str, str]) -> str | None:
    return environ.get("AWS_ENDPOINT_URL") or environ.get("AWS_ENDPOINT_URL_S3") or None


def objects(s3: Any, bucket: str, prefix: str) -> Iterator[Object]:
    """The objects below a prefix, which counts as a directory: `bert` has nothing of `bert-large/…`."""
    start = f"{prefix}/" if prefix else ""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start):
        for entry in page.get("Contents", ()):
            name = entry["Key"].removeprefix(start)
            if name and not name.endswith("/") and ".." not in name.split("/"):
                yield Object(entry["Key"], name.lstrip("/"), int(entry["Size"]))


def check(s3: Any, bucket: str, item: Object, path: Path) -> None:
    """Raises CompileError unless the file is what S3 says of the object: by its size, and its SHA-256 or
    CRC-32 where it was uploaded with one, or its ETag where that is made of MD5s.
    """
    head = s3.head_object(Bucket=bucket, Key=item.key, ChecksumMode="ENABLED")
    expected, actual = _compare(s3, head, bucket, item, path)
    if expected != actual:
        path.unlink()
        raise checksum.mismatch(item.name, f"s3://{bucket}", expected, actual, heals=True)


def _compare(s3: Any, head: Mapping[str, Any], bucket: str, item: Object, path: Path) -> tuple[str, str]:
    """What the object has to be and what the file is, both in the strongest form that can be had."""
    size = path.stat().st_size
    if size != head["ContentLength"]:
        return f"{head['ContentLength']} bytes", f"{size} bytes"
    whole = head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
    if whole and (encoded := head.get("ChecksumSHA256")):
        return checksum.from_base64(encoded), checksum.sha256(path)
    if whole and (encoded := head.get("ChecksumCRC32")):
        return checksum.from_base64(encoded), f"{checksum.crc32(path):08x}"
    etag = head["ETag"].strip('"')
    encrypted = head.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in head
    if encrypted:
        return "", ""
    if len(etag) == 32:
        return etag, checksum.md5(path)
    if etag[32:33] == "-":
        first = s3.head_object(Bucket=bucket, Key=item.key, PartNumber=1)
        return etag, checksum.md5_of_parts(path, int(first["ContentLength"]))
    return "", ""


def _parts() -> Any:
    from boto3.s3.transfer import TransferConfig

    mebi = 1 << 20
    return TransferConfig(
        multipart_threshold=8 * mebi, multipart_chunksize=8 * mebi, num_download_attempts=10
    )


def _refused(model: Model, error: Any) -> CompileError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = one_line(str(error))[:300]
    if code in _UNAUTHORIZED or status in (401, 403):
        return CompileError(
            "SourceUnauthorized",
            f"S3 does not let {model.uri} be read ({code}): give keys in spec.model.secretRef, or let the "
            "compile pod's service account list the bucket and get its objects.",
        )
    if code in _ABSENT or status == 404:
        return CompileError("SourceNotFound", f"S3 has no {model.uri} ({code}): correct spec.model.uri.")
    if 400 <= status < 500 and status not in (408, 412, 429):
        return CompileError("SourceNotFound", f"S3 refuses {model.uri}: {said}. Correct spec.model.uri.")
    return CompileError(
        "SourceUnreachable", f"S3 could not give {model.uri}: {said}. It is tried again.", heals=True
    )


def _lost(model: Model, environ: Mapping[str, str], error: Exception) -> CompileError:
    from botocore.exceptions import (
        CredentialRetrievalError,
        FlexibleChecksumError,
        ParamValidationError,
        PartialCredentialsError,
    )

    said = one_line(str(error))[:300]
    if isinstance(error, ParamValidationError):
        return CompileError("SourceNotFound", f"{model.uri} names no bucket: write s3://bucket/prefix.")
    if isinstance(error, PartialCredentialsError):
        return CompileError(
            "SourceUnauthorized",
            "The secret of spec.model.secretRef has one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only: "
            "give both.",
        )
    if isinstance(error, CredentialRetrievalError):
        return CompileError(
            "SourceUnauthorized", f"The pod's service account gets no credentials: {said}.", heals=True
        )
    if isinstance(error, FlexibleChecksumError):
        return CompileError("ChecksumMismatch", f"{model.uri} came damaged: {said}.", heals=True)
    endpoint = _endpoint(environ) or "S3"
    return CompileError(
        "SourceUnreachable",
        f"{model.uri} could not be read from {endpoint} ({type(error).__name__}): check that compile pods "
        "reach it, or correct AWS_ENDPOINT_URL in the secret or s3.endpoint in the chart.",
        heals=True,
    )
