"""What importing uncal costs."""

import subprocess
import sys

HEAVY = ("torch", "pandas", "datasets", "evaluate", "sklearn", "pyarrow", "transformers", "scipy", "trl", "ray", "vllm")

TIMED = """
import sys, time
import numpy
before = time.perf_counter()
import uncal, uncal.fast
print(time.perf_counter() - before)
print([name for name in {heavy!r} if name in sys.modules])
"""


def test_importing_uncal_is_quick_and_loads_nothing_heavy() -> None:
    runs = []
    for _ in range(5):
        shown = subprocess.run(
            [sys.executable, "-c", TIMED.format(heavy=HEAVY)], capture_output=True, text=True, check=True, timeout=60
        ).stdout.splitlines()
        assert shown[1] == "[]"
        runs.append(float(shown[0]))
    assert min(runs) < 0.3, runs  # the best of five: the others measure what else the machine was doing


def test_the_command_line_loads_no_model_library_to_show_help() -> None:
    code = (
        "import sys\nfrom uncal.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules and name != 'pyarrow'])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert shown.splitlines()[-1] == "[]"


def test_uncal_tells_its_names() -> None:
    import uncal

    assert set(uncal.__all__) <= set(dir(uncal))
    for name in uncal.__all__:
        assert getattr(uncal, name)
    assert uncal.score.__module__ == "uncal.stages.score"


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    import uncal

    assert uncal.__version__ == version("uncal")
