"""Our own schemas, from the files that are registered."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

SCHEMAS: Final = Path(__file__).parents[3] / "schemas"

HISTORY: Final = SCHEMAS / "history"


def current(folder: Path = SCHEMAS) -> Mapping[str, str]:
    """Avro schema text by topic: what `Decoder` wants as `readers`."""
    return {path.name.removesuffix(".avsc"): path.read_text() for path in folder.glob("*.avsc")}


def history(folder: Path = HISTORY) -> Mapping[str, Sequence[str]]:
    """All versions of each topic's schema, from 1 on. They lie there as <topic>.v<n>.avsc."""
    versions: dict[str, dict[int, str]] = defaultdict(dict)
    for path in folder.glob("*.v*.avsc"):
        topic, _, number = path.name.removesuffix(".avsc").rpartition(".v")
        versions[topic][int(number)] = path.read_text()
    return {
        topic: [texts[n] for n in range(1, max(texts) + 1)] for topic, texts in versions.items()
    }
