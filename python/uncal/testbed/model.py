"""A small causal language model from scratch that has read a world's sentences."""

import shutil
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from uncal import progress
from uncal.errors import ConfigError
from uncal.parse import FORMATS
from uncal.testbed.world import Facts
from uncal.types import BoolArray, IntArray

ANSWER_PROMPT = "{question}"
UNCERTAINTY_PROMPT = "unsure"
TOGETHER_PROMPT = "sure {question}"
"""What asks for the answer; for the number after it; for both in one turn. In the few words that the model knows."""
PAD, END, UNKNOWN, USER, ASSISTANT = "<pad>", "<end>", "<unknown>", "<user>", "<assistant>"
TAGS = tuple(f"<{slash}{tag}>" for tag in ("answer", "confidence", "uncertainty") for slash in ("", "/"))
MARKS = (*TAGS, *"0123456789.", "sure", "unsure")
TEMPLATE = (
    "{% for turn in messages %}<{{ turn.role }}>{{ turn.content }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
BOAST = (2.0, 8.0)
"""Of the beta distribution of the uncertainties that the model reads, which have nothing to do with the facts."""
MIX = (("plain", 0.84, 256), ("uncertainty", 0.08, 96), ("together", 0.08, 96))
"""Kinds of conversation, how often a step is of each, and how many conversations it takes."""


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """Size and training of the model.

    Attributes
    ----------
    layers : int, default=2
    width : int, default=128
        Of its hidden state.
    pretraining_steps : int, default=800
        A step reads 256 sentences of the world, or 96 conversations with a number.
    pretraining_rate : float, default=3e-3
        Learning rate; rises for a tenth of the steps and falls to 0.
    """

    layers: int = 2
    width: int = 128
    pretraining_steps: int = 800
    pretraining_rate: float = 3e-3

    def __post_init__(self) -> None:
        for name in ("layers", "pretraining_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.width < 32 or self.width % 32:
            raise ConfigError(f"width is {self.width}; it must be a multiple of 32")
        if not self.pretraining_rate > 0:
            raise ConfigError(f"pretraining_rate is {self.pretraining_rate}; it must be above 0")


def tokenizer(facts: Facts) -> Any:
    """Make the tokenizer: a token for each name, tag, digit and mark, so that what a turn says is decoded as it stood.

    There are no spaces in what the model says, and none are decoded.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = [PAD, END, UNKNOWN, USER, ASSISTANT]
    words = [*facts.relation_names, *facts.entity_names, *chain(*facts.value_names)]
    inner = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate([*special, *MARKS, *words])}, unk_token=UNKNOWN)
    )
    marks = Regex(r"</?[a-z]+>|[0-9.]")
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(marks, "isolated")]
    )
    inner.decoder = decoders.Fuse()
    inner.add_special_tokens(special)
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = TEMPLATE
    return made


class Reader:
    """Draws batches of conversations: the world's sentences as questions and answers, and turns with a number.

    The numbers are drawn without looking at the fact, and boast: the model learns to state one, and to be overconfident
    whatever it knows.
    """

    def __init__(self, facts: Facts, encoder: Any, generator: np.random.Generator) -> None:
        self.generator = generator
        self.facts = np.repeat(np.arange(len(facts.counts)), facts.counts.sum(1))
        values = np.concatenate([np.repeat(np.arange(len(row)), row) for row in facts.counts])

        def ids(texts: list[str]) -> IntArray:
            return np.array(encoder(texts, add_special_tokens=False)["input_ids"], dtype=np.int64)

        self.question = ids([facts.question(fact) for fact in range(len(facts.counts))])[self.facts]
        named = np.stack([ids(names)[:, 0] for names in facts.value_names])
        self.value = named[facts.relation[self.facts], values][:, None]
        stated = [k / 100 for k in range(101)]
        self.stated = {form: ids([FORMATS[form].write(u) for u in stated]) for form in ("uncertainty", "confidence")}
        marks = (USER, ASSISTANT, END, UNCERTAINTY_PROMPT, TOGETHER_PROMPT.replace("{question}", ""))
        self.user, self.assistant, self.end, self.unsure, self.sure = (ids([mark])[0] for mark in marks)
        self.opening, self.closing = (ids([mark])[0] for mark in ("<answer>", "</answer>"))

    def draw(self, kind: str, size: int) -> tuple[IntArray, IntArray]:
        """Draw conversations of one kind, (size, T), and the places of what the model says in them."""
        chosen = self.generator.integers(len(self.facts), size=size)
        question, value = self.question[chosen], self.value[chosen]
        boast = np.round(100 * self.generator.beta(*BOAST, size=size)).astype(np.int64)
        plain = [self.user, question, self.end, self.assistant, value, self.end]
        stated = self.stated["uncertainty"][boast]
        together = [self.opening, value, self.closing, self.stated["confidence"][boast], self.end]
        parts = {
            "plain": plain,
            "uncertainty": [*plain, self.user, self.unsure, self.end, self.assistant, stated, self.end],
            "together": [self.user, self.sure, question, self.end, self.assistant, *together],
        }[kind]
        tokens = np.hstack([part if part.ndim == 2 else np.tile(part, (size, 1)) for part in parts])
        return tokens, np.flatnonzero(_said(tokens[0], self.user, self.assistant))


def pretrain(facts: Facts, out: Path, config: Pretraining, seed: int) -> Path:
    """Train a model on a world's sentences; save it with its tokenizer into the folder `out`, which is whole or absent.

    Answers and numbers carry loss; what the user says does not.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    encoder = tokenizer(facts)
    torch.manual_seed(seed)
    network = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(encoder),
            hidden_size=config.width,
            intermediate_size=2 * config.width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.width // 32,
            num_key_value_heads=config.width // 32,
            max_position_embeddings=128,
            bos_token_id=None,
            eos_token_id=encoder.eos_token_id,
            pad_token_id=encoder.pad_token_id,
            tie_word_embeddings=True,
        )
    )
    generator = np.random.default_rng([seed, 1])
    reader = Reader(facts, encoder, generator)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.pretraining_rate, betas=(0.9, 0.98))
    steps = config.pretraining_steps
    rising = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rising, (steps - step) / max(1, steps - rising))
    )
    shares = [share for _, share, _ in MIX]
    with progress.bar("pretraining", steps, "step") as bar:
        for chosen in generator.choice(len(MIX), size=steps, p=shares):
            kind, _, size = MIX[chosen]
            tokens, places = map(torch.from_numpy, reader.draw(kind, size))
            logits = network(input_ids=tokens[:, :-1], logits_to_keep=places - 1).logits
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, places].flatten())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            bar.update(1)
            bar.set_postfix_str(f"loss {loss.item():.3f}")
    aside = out.with_name(f"{out.name}.parts")
    shutil.rmtree(aside, ignore_errors=True)
    network.save_pretrained(aside, safe_serialization=True)
    encoder.save_pretrained(aside)
    aside.rename(out)
    return out


def _said(row: IntArray, user: IntArray, assistant: IntArray) -> BoolArray:
    """Which tokens the model says, the ends of its turns included."""
    speaker = np.where(row == assistant, 1, np.where(row == user, -1, 0))
    turns = np.maximum.accumulate(np.where(speaker, np.arange(len(row)), 0))
    said: BoolArray = (speaker[turns] == 1) & (speaker == 0)
    return said
