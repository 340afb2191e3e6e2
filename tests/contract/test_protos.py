"""The protos keep the rules that callers rely on, and what is generated from them is new."""

from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor

from deploy.protos import PACKAGE, ROOT, SOURCE, generate
from gamification.generated.auth.v1 import auth_pb2
from gamification.generated.gamification.v1 import gamification_pb2
from gamification.generated.users.v1 import users_pb2

FILES: list[FileDescriptor] = [
    module.DESCRIPTOR for module in (auth_pb2, gamification_pb2, users_pb2)
]


def test_what_is_committed_is_what_the_protos_say(tmp_path: Path) -> None:
    made = generate(tmp_path)
    assert made
    for path in made:
        name = path.relative_to(tmp_path)
        assert (ROOT / name).read_text() == path.read_text(), "run python -m deploy.protos"
    kept = {p for p in (ROOT / PACKAGE).rglob("*.py*") if "__pycache__" not in p.parts}
    assert kept == {ROOT / path.relative_to(tmp_path) for path in made}


def test_every_proto_is_looked_at() -> None:
    assert len(FILES) == len(list(SOURCE.rglob("*.proto")))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.package)
def test_the_folder_is_the_package_and_its_last_part_the_version(file: FileDescriptor) -> None:
    folder = str(Path(file.name).parent.relative_to(PACKAGE))
    assert file.package == folder.replace("/", ".")
    assert file.package.rpartition(".")[2] == "v1"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.package)
def test_methods_have_messages_of_their_own(file: FileDescriptor) -> None:
    for service in file.services_by_name.values():
        assert service.name.endswith("Service")
        for method in service.methods:
            assert method.input_type.name == f"{method.name}Request"
            assert method.output_type.name == f"{method.name}Response"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.package)
def test_names_are_as_the_style_guide_wants_them(file: FileDescriptor) -> None:
    messages: list[Descriptor] = list(file.message_types_by_name.values())
    for message in messages:
        for field in message.fields:
            assert field.name == field.name.lower()
    enums: list[EnumDescriptor] = list(file.enum_types_by_name.values())
    for enum in enums:
        prefix = "".join(f"_{c}" if c.isupper() else c.upper() for c in enum.name).lstrip("_")
        assert enum.values[0].name == f"{prefix}_UNSPECIFIED"
        assert enum.values[0].number == 0
        assert all(value.name.startswith(f"{prefix}_") for value in enum.values)
