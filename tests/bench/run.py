"""What every contender is handed: what to do, and where to put what it has done."""

from dataclasses import dataclass, field

from schemas.violation import Violation
from tests.bench.material import Material
from tests.bench.measure import Window


@dataclass(slots=True)
class Run:
    """What a contender is to do, and what it has done."""

    part: str
    material: Material
    bootstrap: str
    prefix: str
    window: Window = field(default_factory=Window)
    violations: list[Violation] = field(default_factory=list)
    log: str = ""
