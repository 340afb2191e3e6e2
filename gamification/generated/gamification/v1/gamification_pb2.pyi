from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AwardStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AWARD_STATUS_UNSPECIFIED: _ClassVar[AwardStatus]
    AWARD_STATUS_AWARDED: _ClassVar[AwardStatus]
    AWARD_STATUS_ALREADY_AWARDED: _ClassVar[AwardStatus]

class PurgeStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PURGE_STATUS_UNSPECIFIED: _ClassVar[PurgeStatus]
    PURGE_STATUS_PURGED: _ClassVar[PurgeStatus]
    PURGE_STATUS_EMPTY: _ClassVar[PurgeStatus]
AWARD_STATUS_UNSPECIFIED: AwardStatus
AWARD_STATUS_AWARDED: AwardStatus
AWARD_STATUS_ALREADY_AWARDED: AwardStatus
PURGE_STATUS_UNSPECIFIED: PurgeStatus
PURGE_STATUS_PURGED: PurgeStatus
PURGE_STATUS_EMPTY: PurgeStatus

class AwardBadgeRequest(_message.Message):
    __slots__ = ("merchant_id", "customer_id", "badge", "locale")
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    BADGE_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    merchant_id: str
    customer_id: str
    badge: str
    locale: str
    def __init__(self, merchant_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., badge: _Optional[str] = ..., locale: _Optional[str] = ...) -> None: ...

class AwardBadgeResponse(_message.Message):
    __slots__ = ("status", "badge_name", "locale")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    BADGE_NAME_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    status: AwardStatus
    badge_name: str
    locale: str
    def __init__(self, status: _Optional[_Union[AwardStatus, str]] = ..., badge_name: _Optional[str] = ..., locale: _Optional[str] = ...) -> None: ...

class PurgeAuditLogsRequest(_message.Message):
    __slots__ = ("merchant_id", "jwt_token")
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    JWT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    merchant_id: str
    jwt_token: str
    def __init__(self, merchant_id: _Optional[str] = ..., jwt_token: _Optional[str] = ...) -> None: ...

class PurgeAuditLogsResponse(_message.Message):
    __slots__ = ("status", "rows_deleted", "objects_deleted")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ROWS_DELETED_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_DELETED_FIELD_NUMBER: _ClassVar[int]
    status: PurgeStatus
    rows_deleted: int
    objects_deleted: int
    def __init__(self, status: _Optional[_Union[PurgeStatus, str]] = ..., rows_deleted: _Optional[int] = ..., objects_deleted: _Optional[int] = ...) -> None: ...
