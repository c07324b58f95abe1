"""Sampling with transformers, on whatever device torch has."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, DynamicCache

from uncal import models
from uncal.backends._seeds import digests
from uncal.backends._texts import token_texts, top_texts
from uncal.errors import MissingExtraError, ModelError
from uncal.types import Backend, Completion, CompletionGroup, FloatArray, Prompt, Sampling

LOADED = ("network", "tokenizer", "_ends")


@dataclass(frozen=True, kw_only=True)
class Transformers(Backend):
    """Draw completions from a causal language model by transformers.

    Prompts go through the model in batches of like length. A prompt is read once and its key-value cache shared by its
    N completions; completions leave the batch when their turn ends. Each draw uses a random number that depends only on
    the seed, the prompt and the position, so that a completion does not depend on what else is in the batch (up to
    rounding in the model's arithmetic).

    Attributes
    ----------
    model : str
        As `uncal.models.resolve` takes it.
    adapter : str or None, default=None
        Folder of a PEFT adapter that is put on the model.
    dtype : str, default="auto"
        "float32", "bfloat16", "float16"; "auto" is float32 on a CPU, the weights' own on a GPU.
    device : str, default="auto"
        As torch names it; "auto" takes CUDA where there is one.
    batch_tokens : int, default=16384
        Prompt tokens times completions in one batch, at most; less needs less memory.
    trust_remote_code : bool, default=False
        Run code that comes with the model.
    """

    model: str
    adapter: str | None = None
    dtype: str = "auto"
    device: str = "auto"
    batch_tokens: int = 16384
    trust_remote_code: bool = False

    @classmethod
    def around(cls, network: Any, tokenizer: Any, **settings: Any) -> Self:
        """Take a network and its tokenizer that are loaded already, such as those in training.

        It samples in whatever mode the network is; `settings` are the fields but `model`.
        """
        backend = cls(model=str(network.name_or_path), **settings)
        backend.__dict__.update(network=network, tokenizer=tokenizer)
        return backend

    def __getstate__(self) -> dict[str, Any]:
        """Leave the loaded model behind: a copy in another process loads its own."""
        return {name: value for name, value in self.__dict__.items() if name not in LOADED}

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions of what runs."""
        return {"backend": "transformers"} | {name: metadata.version(name) for name in ("torch", "transformers")}

    def close(self) -> None:
        """Let go of the model."""
        for name in LOADED:
            self.__dict__.pop(name, None)

    @cached_property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return load_tokenizer(self.model, trust_remote_code=self.trust_remote_code)

    @cached_property
    def network(self) -> Any:
        """The model itself, on its device, in evaluation mode, with the adapter if there is one."""
        network = load_model(self.model, dtype=self.dtype, device=self.device, trust_remote_code=self.trust_remote_code)
        if self.adapter is not None:
            network = put_adapter(network, self.adapter)
        return network.eval()

    @contextmanager
    def adapter_off(self) -> Iterator[None]:
        """Use the base weights alone inside the block."""
        if self.adapter is None:
            yield
            return
        with self.network.disable_adapter():
            yield

    @property
    def context(self) -> int:
        """Tokens that the model can hold, prompt and completion together."""
        if "network" in self.__dict__:
            config = self.network.config
        else:
            config = AutoConfig.from_pretrained(models.resolve(self.model), trust_remote_code=self.trust_remote_code)
        return int(getattr(config, "max_position_embeddings", 0) or 2**31)

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
        """
        tokens = [self.encode(prompt) for prompt in prompts]
        groups: list[CompletionGroup] = [CompletionGroup([])] * len(prompts)
        streams = _streams(prompts, sampling)
        todo: list[int] = []
        for i, ids in enumerate(tokens):
            if error := misfit(ids, sampling, self.context):
                groups[i] = CompletionGroup([], error)
            else:
                todo.append(i)
        todo.sort(key=lambda i: len(tokens[i]), reverse=True)
        while todo:
            longest = len(tokens[todo[0]]) + sampling.max_tokens
            size = max(1, self.batch_tokens // (longest * sampling.n))
            batch, todo = todo[:size], todo[size:]
            done = self._sample([tokens[i] for i in batch], [streams[i] for i in batch], sampling)
            for i, completions in zip(batch, done, strict=True):
                groups[i] = CompletionGroup(completions)
        return groups

    def encode(self, prompt: Prompt) -> list[int]:
        """Tokens of a prompt, the opening of the model's turn included."""
        return encode(self.tokenizer, prompt)

    @torch.inference_mode()
    def option_logprobs(self, prompts: Sequence[Prompt], options: Sequence[str], /) -> FloatArray:
        """Say how likely each option is as the beginning of the model's turn, (P, O).

        NaN for a prompt that leaves no room in the context. An option is tokenized by itself. A prompt is read once,
        whatever the options.
        """
        told = [list(self.tokenizer(option, add_special_tokens=False)["input_ids"]) for option in options]
        if not all(told):
            raise ValueError(f"options are {list(options)}; each must have a token at least")
        encoded = [self.encode(prompt) for prompt in prompts]
        longest = max(map(len, told), default=0)
        found = np.full((len(prompts), len(options)), np.nan)
        # All but the last token of an option is read; what is the beginning of another's need not be read by itself.
        begun = {option[:-1] for option in map(tuple, told)}
        read = sorted(b for b in begun if not any(b != other and other[: len(b)] == b for other in begun))
        where = {b: next(i for i, r in enumerate(read) if r[: len(b)] == b) for b in begun}
        rows = torch.tensor([where[tuple(option[:-1])] for option in told])
        tokens = torch.tensor([[*option, *[0] * (longest - len(option))] for option in told])
        counts = (torch.arange(longest) < torch.tensor([[len(option)] for option in told])).to(self.network.device)
        todo = [p for p in range(len(prompts)) if encoded[p] and len(encoded[p]) + longest <= self.context]
        todo.sort(key=lambda p: len(encoded[p]), reverse=True)
        while todo:
            size = max(1, self.batch_tokens // (len(read) * (len(encoded[todo[0]]) + longest)))
            batch, todo = todo[:size], todo[size:]
            normed = self._following([encoded[p] for p in batch], read)  # (P, R, tokens read + 1, V)
            each = normed[:, rows[:, None], torch.arange(longest), tokens].double()  # (P, O, longest)
            found[batch] = each.masked_fill(~counts, 0).sum(-1).cpu().numpy()
        return found

    def _following(self, prompts: list[list[int]], beginnings: Sequence[tuple[int, ...]]) -> torch.Tensor:
        """Log-probabilities of what follows a prompt and each further token of some beginnings; prompts are read once.

        Returns (P, B, longest + 1, V); what is behind the end of a shorter beginning is of no meaning.
        """
        device, n, width = self.network.device, len(beginnings), max(map(len, beginnings))
        last, cache, mask, position = self._read(prompts, n)
        logits = last[:, None]
        if width:
            tokens = torch.tensor([[*b, *[0] * (width - len(b))] for b in beginnings], device=device)
            after = position + torch.arange(1, width + 1, device=device)
            mask = torch.cat([mask, mask.new_ones(len(after), width)], 1)
            rest = self.network(
                input_ids=tokens.repeat(len(prompts), 1),
                attention_mask=mask,
                position_ids=after,
                past_key_values=cache,
                use_cache=True,
            ).logits
            logits = torch.cat([logits, rest], 1)
        logits = logits.float()
        normed: torch.Tensor = logits - logits.logsumexp(-1, keepdim=True)
        return normed.view(len(prompts), n, width + 1, -1)

    def _read(self, prompts: list[list[int]], n: int) -> tuple[torch.Tensor, DynamicCache, torch.Tensor, torch.Tensor]:
        """Read prompts once, for n continuations of each: logits of the next token, cache, mask, last position."""
        ids, mask, positions = _padded(prompts, self.network.device)
        cache = DynamicCache(config=self.network.config)
        logits = self.network(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        cache.batch_repeat_interleave(n)
        logits, mask, position = (x.repeat_interleave(n, 0) for x in (logits, mask, positions[:, -1:]))
        return logits, cache, mask, position

    @torch.inference_mode()
    def _sample(
        self, prompts: list[list[int]], streams: list[np.ndarray], sampling: Sampling
    ) -> list[list[Completion]]:
        device, n = self.network.device, sampling.n
        logits, cache, mask, position = self._read(prompts, n)
        uniforms = torch.from_numpy(np.concatenate(streams)).to(device)  # (K, max_tokens)
        alive = torch.arange(len(prompts) * n, device=device)
        tokens: list[list[int]] = [[] for _ in range(len(prompts) * n)]
        logprobs: list[list[float]] = [[] for _ in range(len(prompts) * n)]
        top: list[list[tuple[list[float], list[int]]]] = [[] for _ in range(len(prompts) * n)]
        ends = self._ends.to(device)
        for step in range(sampling.max_tokens):
            chosen, chosen_logprobs = _draw(logits, uniforms[alive, step], sampling)
            for k, token, logprob in zip(alive.tolist(), chosen.tolist(), chosen_logprobs.tolist(), strict=True):
                tokens[k].append(token)
                logprobs[k].append(logprob)
            if sampling.top_logprobs:
                values, others = (found.tolist() for found in _largest(logits, sampling.top_logprobs))
                for k, value, other in zip(alive.tolist(), values, others, strict=True):
                    top[k].append((value, other))
            going = ~torch.isin(chosen, ends)
            if step + 1 == sampling.max_tokens or not going.any():
                break
            if not going.all():
                kept = going.nonzero()[:, 0]
                cache.batch_select_indices(kept)
                alive, chosen, mask, position = alive[kept], chosen[kept], mask[kept], position[kept]
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            position = position + 1
            logits = self.network(
                input_ids=chosen[:, None],
                attention_mask=mask,
                position_ids=position,
                past_key_values=cache,
                use_cache=True,
            ).logits[:, -1]
        done = [self._completion(*drawn, sampling) for drawn in zip(tokens, logprobs, top, strict=True)]
        return [done[i : i + n] for i in range(0, len(done), n)]

    @cached_property
    def _ends(self) -> torch.Tensor:
        """Tokens that end a turn."""
        named = self.network.generation_config.eos_token_id
        ends = set(named if isinstance(named, list) else [named]) | {self.tokenizer.eos_token_id}
        return torch.tensor(sorted(end for end in ends if end is not None), dtype=torch.long)

    def _completion(
        self, tokens: list[int], logprobs: list[float], top: list[tuple[list[float], list[int]]], sampling: Sampling
    ) -> Completion:
        text = self.tokenizer.decode(tokens, skip_special_tokens=True).strip()
        stopped = bool(torch.isin(torch.tensor(tokens[-1]), self._ends))
        return Completion(
            text,
            tokens,
            logprobs,
            "stop" if stopped else "length",
            [values for values, _ in top] if sampling.top_logprobs else None,
            token_texts(self.tokenizer, tokens) if sampling.token_texts else None,
            top_texts(self.tokenizer, tokens, [ids for _, ids in top]) if top and sampling.top_texts else None,
        )


def _padded(prompts: Sequence[Sequence[int]], device: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens of prompts, which of them count, and their positions; padded on the left, so that all end together."""
    width = max(map(len, prompts))
    ids = torch.zeros(len(prompts), width, dtype=torch.long)
    mask = torch.zeros(len(prompts), width, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    ids, mask = ids.to(device), mask.to(device)
    return ids, mask, (mask.cumsum(1) - 1).clamp(min=0)


def _streams(prompts: Sequence[Prompt], sampling: Sampling) -> list[np.ndarray]:
    """Uniform random numbers for every prompt, (N, max_tokens) float64 each."""
    streams = []
    for digest in digests(prompts, sampling.seed):
        generator = np.random.Generator(np.random.Philox(key=np.frombuffer(digest[:16], np.uint64)))
        streams.append(generator.random((sampling.n, sampling.max_tokens)))
    return streams


def _draw(logits: torch.Tensor, uniform: torch.Tensor, sampling: Sampling) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw a token for each row by inverting the cumulative distribution; its log-probability is the untempered one."""
    logits = logits.float()
    if sampling.temperature == 0:
        chosen = logits.argmax(-1)
    else:
        probabilities = (logits / sampling.temperature).softmax(-1)
        if sampling.top_p < 1:
            ordered, order = probabilities.sort(-1, descending=True)
            ordered[ordered.cumsum(-1) - ordered >= sampling.top_p] = 0
            probabilities = torch.zeros_like(probabilities).scatter(-1, order, ordered)
        cumulative = probabilities.double().cumsum(-1)
        point = uniform * cumulative[:, -1]
        chosen = torch.searchsorted(cumulative, point[:, None], right=True)[:, 0].clamp(max=logits.shape[-1] - 1)
    logprob = logits.gather(-1, chosen[:, None])[:, 0] - logits.logsumexp(-1)
    return chosen, logprob


def _largest(logits: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the k largest untempered log-probabilities of each row, largest first, and whose they are."""
    logits = logits.float()
    largest = logits.topk(min(k, logits.shape[-1]))
    return largest.values - logits.logsumexp(-1, keepdim=True), largest.indices


def misfit(tokens: list[int], sampling: Sampling, context: int) -> str | None:
    """Say why a prompt of these tokens cannot be completed, if so."""
    if not tokens:
        return "the prompt is empty"
    if len(tokens) + sampling.max_tokens > context:
        return (
            f"over the context: the prompt has {len(tokens)} tokens, and with {sampling.max_tokens} to come that "
            f"is over the model's context of {context}"
        )
    return None


def encode(tokenizer: Any, prompt: Prompt) -> list[int]:
    """Tokens of a prompt, the opening of the model's turn included."""
    prompt = templated(tokenizer, prompt)
    if isinstance(prompt, str):
        return list(tokenizer(prompt)["input_ids"])
    text = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def templated(tokenizer: Any, prompt: Prompt) -> Prompt:
    """Return a conversation as it is for a tokenizer with a chat template, as a text for one without."""
    if isinstance(prompt, str) or tokenizer.chat_template:
        return prompt
    return "".join(f"{turn['content']}\n" for turn in prompt)


def load_tokenizer(model: str, *, trust_remote_code: bool = False) -> Any:
    """Load a model's tokenizer; `ModelError` if it can't be had."""
    folder = models.resolve(model)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"tokenizer of {model!r} cannot be loaded; name a folder, a .gguf file, package:NAME/PATH, or a model on a "
            f"hub that can be reached: {_first_line(error)}"
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(
    model: str,
    *,
    dtype: str = "auto",
    device: str = "auto",
    trust_remote_code: bool = False,
    quantization: str = "none",
) -> Any:
    """Load a causal language model onto its device; `ModelError` if it can't be had.

    `quantization` "4bit" holds its weights in 4 bits (NF4), by bitsandbytes on a GPU.
    """
    folder = models.resolve(model)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if dtype == "auto" and device == "cpu":
        dtype = "float32"
    if dtype != "auto" and not isinstance(getattr(torch, dtype, None), torch.dtype):
        raise ModelError(f"dtype is {dtype!r}; it must be float32, bfloat16, float16 or auto")
    options: dict[str, Any] = {}
    if quantization == "4bit":
        options = {"quantization_config": _four_bits(), "device_map": {"": device}}
    try:
        network = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, trust_remote_code=trust_remote_code, use_safetensors=True, **options
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"model {model!r} cannot be loaded: {_first_line(error)}") from error
    return network if options else network.to(device)


def _four_bits() -> Any:
    """Return settings of bitsandbytes; `ModelError` where it cannot run."""
    if not torch.cuda.is_available():
        raise ModelError("quantization is '4bit', which takes a CUDA device; there is none, so leave it at 'none'")
    if find_spec("bitsandbytes") is None:
        raise MissingExtraError("quantization is '4bit', which needs the package 'bitsandbytes'; pip install it")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_use_double_quant=True,
    )


def check_adapter(adapter: str) -> Path:
    """Return the folder of a PEFT adapter; `ModelError` if a file is missing."""
    folder = Path(adapter)
    for file in ("adapter_config.json", "adapter_model.safetensors"):
        if not (folder / file).exists():
            raise ModelError(f"adapter folder {folder} has no {file}")
    return folder


def put_adapter(network: Any, adapter: str, *, trainable: bool = False) -> Any:
    """Put a PEFT adapter on a model."""
    folder = check_adapter(adapter)
    try:
        from peft import PeftModel
    except ModuleNotFoundError as error:
        raise MissingExtraError("an adapter needs the package 'peft'; `pip install 'uncal[train]'`") from error
    return PeftModel.from_pretrained(network, str(folder), is_trainable=trainable)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
