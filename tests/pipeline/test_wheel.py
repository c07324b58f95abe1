"""The wheel: one file for many Pythons, that installs and works where there is no Rust."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import uncal

ROOT = Path(uncal.__file__).parents[2]
PROGRAM = """
import sys
import numpy as np
import uncal
from uncal import fast

groups = np.stack([np.eye(4), np.ones((4, 4))])
print(fast.von_neumann_entropy(groups).tolist(), uncal.__file__, "torch" in sys.modules)
"""


@pytest.mark.slow
def test_a_fresh_environment_without_rust_installs_the_wheel_and_scores(tmp_path: Path) -> None:
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("uncal runs from an installed wheel here; there are no sources to build one from")
    maturin = Path(sys.executable).with_name("maturin")
    for tool, path in {"maturin": maturin, "cargo": shutil.which("cargo")}.items():
        if path is None or not Path(path).exists():
            pytest.skip(f"{tool} is not installed, and a wheel is built with it")
    flags = ["--release", "--locked", "--zig", "--compatibility", "manylinux_2_28", "--out", str(tmp_path)]
    built = subprocess.run(
        [str(maturin), "build", *flags],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{maturin.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert built.returncode == 0, built.stderr
    wheel = tmp_path / f"uncal-{uncal.__version__}-cp311-abi3-manylinux_2_28_x86_64.whl"
    assert [path.name for path in tmp_path.iterdir()] == [wheel.name]

    fresh = tmp_path / "fresh"
    subprocess.run([sys.executable, "-m", "venv", str(fresh)], check=True, timeout=120)
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("CARGO", "RUST", "PYTHONPATH"))}
    bare["PATH"] = os.pathsep.join([str(fresh / "bin"), *_without_rust()])
    assert shutil.which("cargo", path=bare["PATH"]) is None
    assert shutil.which("rustc", path=bare["PATH"]) is None

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        arguments = [str(fresh / "bin" / command[0]), *command[1:]]
        return subprocess.run(arguments, cwd=tmp_path, env=bare, capture_output=True, text=True, timeout=600)

    installed = run("python", "-m", "pip", "install", "--only-binary", ":all:", str(wheel))
    if installed.returncode and ("NewConnectionError" in installed.stderr or "No matching" in installed.stderr):
        pytest.skip(f"the package index cannot be reached: {installed.stderr.strip().splitlines()[-1]}")
    assert installed.returncode == 0, installed.stderr
    scored = run("python", "-c", PROGRAM)
    assert scored.returncode == 0, scored.stderr
    values, place, torch = scored.stdout.rsplit(" ", 2)
    # Four unit rows at distance sqrt(2): kernel e^-2 off the diagonal, eigenvalues (1 + 3 e^-2) / 4 and (1 - e^-2) / 4.
    assert json.loads(values) == pytest.approx([1.3608196142642697, 0.0], abs=1e-12)
    assert Path(place).is_relative_to(fresh)
    assert torch == "False\n"
    doctor = run("uncal", "doctor")
    assert doctor.returncode == 0, doctor.stderr
    assert doctor.stdout.startswith(f"uncal {uncal.__version__}, Python ")
    assert "uncal.fast ok" in doctor.stdout
    assert "to get it: pip install 'uncal[models]'" in doctor.stdout


def _without_rust() -> list[str]:
    """Folders of the path that hold no Rust."""
    folders = os.environ["PATH"].split(os.pathsep)
    return [f for f in folders if not any((Path(f) / name).exists() for name in ("cargo", "rustc", "rustup"))]
