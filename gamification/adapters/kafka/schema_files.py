"""Our own schemas, from the files that are registered."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

SCHEMAS: Final = Path(__file__).parents[3] / "schemas"

HISTORY: Final = SCHEMAS / "history"


def current(folder: Path = SCHEMAS) -> Mapping[str, str]:
    """Avro schema text by topic: what `Decoder` wants as `readers`."""
    return {path.name.removesuffix(".avsc"): path.read_text() for path in folder.glob("*.avsc")}
