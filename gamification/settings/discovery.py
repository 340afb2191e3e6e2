"""Settings of how others find the service: its entry in Consul."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, SecretStr

from gamification.settings.setting import HOST_PORT, setting

CHECK: Final = r"^(/|https?://[^\s/@]+/)[^\s]{0,500}$"


def _token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.isascii() or not (text.isprintable() and " " not in text):
        raise ValueError("visible ASCII characters only")
    return value


Token = Annotated[SecretStr, AfterValidator(_token)]


class DiscoverySettings(BaseModel):
    """A part of Settings. The entry's name is SERVICE_NAME."""

    consul_address: str = setting(
        "CONSUL_HTTP_ADDR",
        "",
        "The agent of Consul at which the service registers, usually 127.0.0.1:8500. Not set: it "
        "does not register.",
        allowed="host:port, or http:// or https:// before it, or nothing",
        pattern=rf"^((https?://)?{HOST_PORT})?$",
    )
    consul_token: Token = setting(
        "CONSUL_HTTP_TOKEN",
        SecretStr(""),
        "Token for that agent; it needs service:write for SERVICE_NAME.",
        allowed="visible ASCII characters",
    )
    service_address: str = setting(
        "GAMIFICATION_SERVICE_ADDRESS",
        "",
        "Address at which others reach this instance. Not set: GAMIFICATION_GRPC_HOST, or, if "
        "that is all addresses, the agent's own.",
        allowed="a host name or address, or nothing",
        pattern=r"^[A-Za-z0-9.:_-]*$",
    )
    service_port: int = setting(
        "SERVICE_PORT",
        0,
        "Its port in Consul. 0: the one that gRPC is answered on.",
        unit="port",
        at_least=0,
        at_most=65535,
    )
    service_check_http: str = setting(
        "SERVICE_CHECK_HTTP",
        "/health",
        "What the agent asks to know whether this instance is alive: a path of its HTTP port, or "
        "a whole URL where the agent reaches it by another way.",
        allowed="a path that begins with /, or an http:// or https:// URL",
        pattern=CHECK,
    )
