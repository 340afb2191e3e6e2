"""Settings of the store for archived audit rows: S3 itself, or another with its protocol."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, SecretStr

from gamification.settings.setting import setting

BUCKET: Final = r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$"


def _key(value: SecretStr) -> SecretStr:
    if any(character.isspace() for character in value.get_secret_value()):
        raise ValueError("white space in it")
    return value


Key = Annotated[SecretStr, AfterValidator(_key)]


class ArchiveSettings(BaseModel):
    """A part of Settings."""

    archive_bucket: str = setting(
        "GAMIFICATION_ARCHIVE_BUCKET",
        "",
        "Bucket for archived audit rows. Not set: nothing is archived, rows stay in Postgres.",
        allowed="a bucket's name, or nothing",
        pattern=BUCKET,
    )
    archive_prefix: str = setting(
        "GAMIFICATION_ARCHIVE_PREFIX",
        "audit",
        "What the keys of these objects begin with, before the merchant's id.",
        allowed="letters, digits, . _ - and single / between them",
        pattern=r"^[A-Za-z0-9._-]{1,100}(/[A-Za-z0-9._-]{1,100}){0,9}$",
    )
    archive_endpoint_url: str = setting(
        "GAMIFICATION_ARCHIVE_ENDPOINT_URL",
        "",
        "The store. Not set: Amazon S3 of the region.",
        allowed="an http:// or https:// URL without a user, or nothing",
        pattern=r"^(https?://[^\s/@]+(/[^\s@]*)?)?$",
    )
    archive_region: str = setting(
        "GAMIFICATION_ARCHIVE_REGION",
        "us-east-1",
        "Region of the bucket; most stores other than Amazon's take any.",
        allowed="a region's name such as eu-central-1",
        pattern=r"^[a-z0-9-]{1,50}$",
    )
    archive_cold_class: str = setting(
        "GAMIFICATION_ARCHIVE_COLD_CLASS",
        "STANDARD_IA",
        "Storage class of objects whose rows are older than 180 days; none for a store that has "
        "no classes. Not used when there is a cold bucket.",
        allowed="a class of the store such as GLACIER_IR, or none",
        pattern=r"^(none|[A-Z][A-Z0-9_]{1,39})$",
    )
    archive_cold_bucket: str = setting(
        "GAMIFICATION_ARCHIVE_COLD_BUCKET",
        "",
        "Bucket, with the same endpoint and keys, that such objects are moved to instead.",
        allowed="a bucket's name, or nothing",
        pattern=BUCKET,
    )
    archive_access_key_id: Key = setting(
        "GAMIFICATION_ARCHIVE_ACCESS_KEY_ID",
        SecretStr(""),
        "Key id for the store. Not set: the machine's own role, as boto3 finds it.",
        allowed="a key id without white space",
    )
    archive_secret_access_key: Key = setting(
        "GAMIFICATION_ARCHIVE_SECRET_ACCESS_KEY",
        SecretStr(""),
        "The secret that belongs to the key id.",
        allowed="a secret without white space",
    )
