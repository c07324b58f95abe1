"""Distillation in which only the tokens that the model hesitates at carry loss."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from uncal.objectives.distill import Distill


@dataclass(frozen=True, kw_only=True)
class Forking(Distill):
    """Cross-entropy of the forking tokens alone, those whose entropy reaches a quantile of the batch.

    Once the tags are learned their entropy is near 0, and what is left to learn from are the digits.

    Attributes
    ----------
    quantile : float in [0, 1), default=0.8
        The fifth of the tokens with the highest entropy carries the loss; 0 is `distill`.

    References
    ----------
    Known from notes on reinforcement learning, where a fifth of the tokens carries the gradient. Status: secondary; in
    supervised training a proposal.

    Examples
    --------
    >>> Forking().quantile
    0.8
    """

    quantile: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.quantile < 1:
            raise ValueError(f"quantile is {self.quantile}; it must lie in [0, 1)")

    def loss(self, network: Any, inputs: Mapping[str, Any], tokenizer: Any) -> Any:  # noqa: ARG002
        """Cross-entropy of the tokens of high entropy."""
        from uncal import losses

        return losses.forking_loss(*losses.completion_logits(network, inputs), self.quantile)
