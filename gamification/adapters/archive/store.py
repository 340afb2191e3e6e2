"""Objects in an S3-compatible store: put, read back, listed, made cold, deleted.

Bucket and key are told each time: the list in Postgres knows where an object is, also after the
settings changed.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, cast

from gamification.adapters.archive.connection import (
    READ_TIMEOUT_S,
    Missing,
    Place,
    connect,
    place_of,
    translated,
)
from gamification.domain.errors import Halt, Unavailable
from gamification.settings import Settings

if TYPE_CHECKING:
    from types_boto3_s3.literals import StorageClassType

DELETE_MAX: Final = 500
"""Keys in one request; the protocol's own limit is 1,000."""

LIST_MAX: Final = 500

SHA256: Final = "sha256"
"""Name of the object's metadata with the hash of its content, hex."""


STANDARD: Final = "STANDARD"
"""The class that stores leave unsaid."""


class Corrupt(Halt):
    """The store gives back something else than was put."""


class Store:
    """For one thread. Every method raises Unavailable or Halt."""

    def __init__(self, place: Place, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self.place = place
        self._client = connect(place, read_timeout_s)

    def close(self) -> None:
        self._client.close()

    def check(self) -> None:
        """That its buckets are there, and that we may use them."""
        for bucket in self.buckets:
            with translated(bucket, ""):
                self._client.head_bucket(Bucket=bucket)

    @property
    def buckets(self) -> tuple[str, ...]:
        """Where objects may be by the settings."""
        cold = self.place.cold_bucket
        return (self.place.bucket, cold) if cold else (self.place.bucket,)

    @property
    def cold(self) -> str:
        """What the cold tier is called; empty when there is none."""
        return self.place.cold_bucket or self.place.cold_class

    def put(self, key: str, body: bytes) -> None:
        """Write or overwrite an object in the bucket of the settings.

        The hash goes along twice: as a checksum, by which a store that knows them refuses a
        damaged upload, and as metadata, for people and for copies.
        """
        digest = hashlib.sha256(body)
        with translated(self.place.bucket, key):
            self._client.put_object(
                Bucket=self.place.bucket,
                Key=key,
                Body=body,
                ContentType="application/gzip",
                ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
                Metadata={SHA256: digest.hexdigest()},
            )

    def read_verified(self, bucket: str, key: str, size: int, sha256: str) -> bytes:
        """The object's bytes, if they are those that were written. Raises Missing, Corrupt.

        Read back whole rather than asked for by HEAD: what a store says of an object was told by
        us, or is true of the bytes that it received, and only the bytes themselves show that
        they can be had. It costs one download for each object, once.
        """
        with translated(bucket, key):
            answer = self._client.get_object(Bucket=bucket, Key=key)
            with answer["Body"] as stream:
                if answer["ContentLength"] != size:
                    raise Corrupt(_corrupt(bucket, key))
                body = stream.read()
        if hashlib.sha256(body).hexdigest() != sha256:
            raise Corrupt(_corrupt(bucket, key))
        return body

    def keys(self, bucket: str, prefix: str) -> Iterator[list[str]]:
        """All keys that begin with `prefix`, up to LIST_MAX at a time.

        They may be deleted while they are listed: the next page begins after the last key.
        """
        last = ""
        while True:
            with translated(bucket, prefix):
                answer = self._client.list_objects_v2(
                    Bucket=bucket, Prefix=prefix, MaxKeys=LIST_MAX, StartAfter=last
                )
            found = [each["Key"] for each in answer.get("Contents", [])]
            if found:
                yield found
                last = found[-1]
            if not answer["IsTruncated"] or not found:
                return

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Delete objects; those that are not there count as deleted."""
        for start in range(0, len(keys), DELETE_MAX):
            some = keys[start : start + DELETE_MAX]
            with translated(bucket, some[0]):
                answer = self._client.delete_objects(
                    Bucket=bucket,
                    Delete={"Objects": [{"Key": key} for key in some], "Quiet": True},
                )
            failed = [each for each in answer.get("Errors", []) if each.get("Code") != "NoSuchKey"]
            if failed:
                first = failed[0]
                said = f"archive: {bucket}/{first.get('Key')}: {first.get('Code')}"
                left = f"{said}; {len(failed)} objects were not deleted"
                raise Halt(left) if first.get("Code") == "AccessDenied" else Unavailable(left)

    def make_cold(self, bucket: str, key: str, size: int, sha256: str) -> str:
        """Move an object to the cold tier; return the bucket where it is then.

        With a cold bucket it is copied there, looked at, and only then deleted here; else its
        storage class changes in place. Doing it again after a crash finds what was done. Raises
        Missing, Corrupt.
        """
        there = self.place.cold_bucket
        if there and there != bucket:
            if not self._is_at(there, key, size, sha256):
                self._copy(bucket, there, key, None)
                if not self._is_at(there, key, size, sha256):
                    raise Corrupt(_corrupt(there, key))
            self.delete(bucket, [key])
            return there
        wanted = self.place.cold_class
        if wanted and self._class_of(bucket, key) != wanted:
            self._copy(bucket, bucket, key, wanted)
        return bucket

    def _copy(self, source: str, target: str, key: str, storage_class: str | None) -> None:
        with translated(target, key):
            of = {"Bucket": source, "Key": key}
            if storage_class is None:
                self._client.copy_object(Bucket=target, Key=key, CopySource=of)  # type: ignore[arg-type]
            else:
                self._client.copy_object(
                    Bucket=target,
                    Key=key,
                    CopySource=of,  # type: ignore[arg-type]
                    StorageClass=cast("StorageClassType", storage_class),
                )

    def _is_at(self, bucket: str, key: str, size: int, sha256: str) -> bool:
        """By what the store says: a copy is made inside of it, and cold ones cannot be read."""
        try:
            with translated(bucket, key):
                answer = self._client.head_object(Bucket=bucket, Key=key)
        except Missing:
            return False
        return answer["ContentLength"] == size and answer["Metadata"].get(SHA256) == sha256

    def _class_of(self, bucket: str, key: str) -> str:
        with translated(bucket, key):
            answer = self._client.head_object(Bucket=bucket, Key=key)
        return answer.get("StorageClass", STANDARD)


def open_store(settings: Settings, read_timeout_s: float = READ_TIMEOUT_S) -> Store | None:
    """The store of the settings; None when no bucket is set. Contacts nobody. Raises Halt."""
    place = place_of(settings)
    return None if place is None else Store(place, read_timeout_s)


def _corrupt(bucket: str, key: str) -> str:
    return f"archive: {bucket}/{key}: the store gives back other bytes than were written"
