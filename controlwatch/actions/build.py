"""``controlwatch build``: writes or compares what is generated."""

from pathlib import Path

from controlwatch import artefacts
from controlwatch.cli import Failed, Misconfigured
from controlwatch.output import Output, progress


def build(root: Path, out: Output, *, check: bool) -> None:
    """Write what differs below ``root``, or with ``check`` only name it.

    Raises:
        Misconfigured: ``root`` is no source checkout.
        Failed: ``check``, and something differs.
    """
    if not (root / "pyproject.toml").is_file():
        raise Misconfigured(f"{root} is no source checkout (it has no pyproject.toml); name one with --root")
    with progress("comparing" if check else "writing"):
        paths = artefacts.differences(root) if check else artefacts.write(root)
    status, words = ("differs", "{} is not as generated") if check else ("written", "wrote {}")
    for path in paths:
        out.tell(words.format(path), {"path": path, "status": status})
    if check and paths:
        raise Failed(f"{len(paths)} generated files differ; run 'controlwatch build' and commit them")
    if not paths:
        out.tell("all generated files are current", {"status": "current", "files": len(artefacts.ARTEFACTS)})
