"""What the benches share: taking turns, the peers' process, the machine's name, a table in a page of the docs."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

PEERS = Path(__file__).resolve().parents[1] / "peers"
# lm-polygraph and what else there is for the project's own Python; probly where a newer one was found.
ENVIRONMENTS = (".venv", ".venv-probly")
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "UNCAL_NUM_THREADS")


def clock(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


class Timed:
    """A function on the first prompts of some arrays; each call says how many ns a prompt took.

    As many prompts as fill `seconds`, or all of them where `everything` is asked for; a call shorter than that is
    repeated. `prepare` turns the arrays into what the function takes, outside the clock.
    """

    def __init__(
        self,
        function: Callable,
        *arrays,
        prepare: Callable = lambda *arrays: arrays,
        seconds: float = 0.1,
        everything: bool = False,
    ):
        few = prepare(*(array[:32] for array in arrays))
        function(*few)
        per_prompt = clock(lambda: function(*few)) / min(32, len(arrays[0]))
        prompts = len(arrays[0])
        self.prompts = prompts if everything else max(min(32, prompts), min(prompts, int(seconds / per_prompt)))
        self.inputs = prepare(*(array[: self.prompts] for array in arrays))
        self.function = function
        self.repeats = max(1, round(seconds / clock(lambda: function(*self.inputs))))

    def __call__(self) -> float:
        def repeated():
            for _ in range(self.repeats):
                self.function(*self.inputs)

        return clock(repeated) / self.repeats / self.prompts * 1e9


class Remote:
    """A peer's function in the peers' process; each call runs it there once and says how many ns a prompt took."""

    def __init__(self, process: subprocess.Popen, folder: Path, name: str):
        self.process, self.request = process, {"folder": str(folder), "function": name}
        self.version, self.prompts = "", 0

    def __call__(self) -> float:
        answer = ask(self.process, self.request)
        self.version, self.prompts = answer["version"], answer["prompts"]
        return answer["ns"]


class Peers:
    """The peers' processes, one for each environment that has been made."""

    def __init__(self, threads: int, seconds: float):
        command = ["run.py", "--serve", "--seconds", str(seconds)]
        self.processes = [
            subprocess.Popen(
                [PEERS / environment / "bin/python", PEERS / command[0], *command[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=with_threads(threads),
            )
            for environment in ENVIRONMENTS
            if (PEERS / environment / "bin/python").exists()
        ]

    def on(self, folder: Path) -> dict[str, Remote]:
        """The functions that can read the arrays in `folder`; the first process that has one runs it."""
        found: dict[str, Remote] = {}
        for process in self.processes:
            for name in ask(process, {"folder": str(folder)}):
                found.setdefault(name, Remote(process, folder, name))
        return found

    def close(self) -> None:
        for process in self.processes:
            process.stdin.close()
            process.wait()


def ask(process: subprocess.Popen, request: dict):
    print(json.dumps(request), file=process.stdin, flush=True)
    answer = process.stdout.readline()
    if not answer:
        raise SystemExit(f"the peers' process ended on {request}; what it printed is above")
    return json.loads(answer)


def with_threads(threads: int) -> dict[str, str]:
    """This environment, with every pool of threads held to so many."""
    return {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}


def in_turns(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Median of each contender's figures over `rounds` rounds in which every one runs, after one that counts not.

    Three rounds are enough where one of them takes more than four seconds.
    """
    first = {name: contender() for name, contender in contenders.items()}
    if any(figure * contenders[name].prompts > 4e9 for name, figure in first.items()):
        rounds = min(rounds, 3)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            times[name].append(contender())
    return {name: median(figures) for name, figures in times.items()}


def machine() -> str:
    """The name of the processor and the number of cores that this process may use."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    name = re.search(r"model name\s*: (.*)", text)
    return f"{name[1].strip() if name else 'unknown processor'}, {len(os.sched_getaffinity(0))} cores"


def last_level_cache() -> int:
    """Bytes of the largest cache that core 0 sees; 0 where the system does not say."""
    found = [0]
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        number, unit = re.fullmatch(r"(\d+)([KMG]?)\s*", path.read_text()).groups()
        found.append(int(number) << {"": 0, "K": 10, "M": 20, "G": 30}[unit])
    return max(found)


def rewrite(page: Path, name: str, lines: Sequence[str]) -> None:
    """Put `lines` between the comments ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->`` of a page."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = page.read_text()
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SystemExit(f"{page}: must have one line {begin!r} and one line {end!r}")
    before, rest = text.split(begin)
    page.write_text("\n".join([before + begin, *lines, end + rest.split(end)[1]]))
