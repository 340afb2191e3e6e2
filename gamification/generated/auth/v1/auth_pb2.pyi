from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ValidateTokenRequest(_message.Message):
    __slots__ = ("jwt_token",)
    JWT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    jwt_token: str
    def __init__(self, jwt_token: _Optional[str] = ...) -> None: ...

class ValidateTokenResponse(_message.Message):
    __slots__ = ("merchant_id", "scopes", "jti", "subject", "expires_at")
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    JTI_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    merchant_id: str
    scopes: _containers.RepeatedScalarFieldContainer[str]
    jti: str
    subject: str
    expires_at: int
    def __init__(self, merchant_id: _Optional[str] = ..., scopes: _Optional[_Iterable[str]] = ..., jti: _Optional[str] = ..., subject: _Optional[str] = ..., expires_at: _Optional[int] = ...) -> None: ...
