"""Distillation whose loss also asks wrong tokens for a high entropy and right ones for a low one (UA-CLM)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from uncal.objectives.distill import Distill


@dataclass(frozen=True, kw_only=True)
class UaClm(Distill):
    """Cross-entropy plus a term that ties the entropy of each token to whether it is right.

    With P_i the probability of the most probable token at place i, H_i the entropy there, C the places where that token
    is the label and C̃ the others:

        L = CE - weight * (mean over C̃ of P_i ln tanh(H_i) + mean over C of (1 - P_i) ln(1 - tanh(H_i)))

    The paper trains answers with it and measures their tokens; here it trains the statement of the target, whose
    distribution is read, and the answer too where `order` is "together".

    Attributes
    ----------
    weight : float, default=1.0
        0 is `distill`.

    References
    ----------
    Krishnan et al., Enhancing Trust in Large Language Models with Uncertainty-Aware Fine-Tuning, arXiv 2412.02904.
    Status of the term: secondary; that it is added to cross-entropy, and its use on statements, are proposals.

    Examples
    --------
    >>> UaClm(order="together", read="stated").records([{"answer": "Paris", "uncertainty": 0.25}], [[]], 0)[0].text
    '<answer>Paris</answer><uncertainty>0.25</uncertainty>'
    """

    weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.weight < float("inf"):
            raise ValueError(f"weight is {self.weight}; it must be a finite number of at least 0")

    def loss(self, network: Any, inputs: Mapping[str, Any], tokenizer: Any) -> Any:  # noqa: ARG002
        """Cross-entropy and the term, over all tokens of the completions."""
        from uncal import losses

        return losses.ua_clm_loss(*losses.completion_logits(network, inputs), self.weight)
