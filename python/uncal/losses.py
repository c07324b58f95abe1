"""Losses of supervised objectives, as torch functions.

Shape letters: B rows of a batch, T tokens of a row, S places that predict a token, V tokens of the vocabulary, L
levels.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100
"""Label of a place without loss."""

Divergence = Literal["js", "forward_kl", "reverse_kl"]

# What a batch holds


def completion_logits(network: Any, inputs: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Logits of the places from the first that predicts a label on, and the labels that they predict.

    Parameters
    ----------
    network : transformers.PreTrainedModel or peft.PeftModel
    inputs : mapping
        `input_ids`, `attention_mask` and `labels`, (B, T); labels are -100 wherever there is no loss.

    Returns
    -------
    logits : Tensor of shape (B, S, V), float32
    labels : Tensor of shape (B, S)
    """
    labels = inputs["labels"]
    first = max(1, int((labels != IGNORED).any(0).int().argmax()))
    logits = network(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        use_cache=False,
        logits_to_keep=labels.shape[1] - first + 1,
    ).logits
    return logits[:, :-1].float(), labels[:, first:]


@torch.no_grad()
def base_logits(network: Any, inputs: Mapping[str, Any]) -> Tensor:
    """Logits as `completion_logits` has them, of the frozen base: the network with its adapter off.

    Raises
    ------
    ValueError
        If the network has no adapter.
    """
    adapted = getattr(network, "module", network)  # a network in several processes is wrapped
    if not hasattr(adapted, "peft_config"):
        raise ValueError("network has no adapter to switch off, so there is no frozen base to stay near; train a LoRA")
    with adapted.disable_adapter():
        return completion_logits(adapted, inputs)[0]


def completion_texts(labels: Tensor, tokenizer: Any) -> list[str]:
    """Texts that the labels of each row spell, stripped and without special tokens."""
    return [tokenizer.decode(row[row != IGNORED], skip_special_tokens=True).strip() for row in labels]


def level_logits(logits: Tensor, labels: Tensor, ids: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Logits of the place in each row where a level is due, and which level it is.

    That place is the first whose label is one of the levels' tokens.

    Parameters
    ----------
    logits : Tensor of shape (B, S, V)
    labels : Tensor of shape (B, S)
    ids : sequence of L int

    Returns
    -------
    logits : Tensor of shape (B, V)
    level : Tensor of shape (B,), int64
        Index into `ids`.

    Raises
    ------
    ValueError
        If a row has no such label.
    """
    hits = labels[..., None] == torch.tensor(ids, device=labels.device)  # (B, S, L)
    places = hits.any(-1)
    if not bool(places.any(1).all()):
        row = int((~places.any(1)).int().argmax())
        raise ValueError(f"labels of row {row} hold none of the levels' tokens {list(ids)}; its text is no level")
    rows, place = torch.arange(len(labels), device=labels.device), places.int().argmax(1)
    return logits[rows, place], hits[rows, place].int().argmax(-1)


# Levels


def tokenized_brier(
    logits: Tensor,
    ids: Sequence[int],
    levels: Sequence[float],
    labels: Tensor,
    *,
    mode: Literal["expected", "mean"] = "expected",
) -> Tensor:
    """Brier score of a distribution over tokens that stand for levels of confidence.

    With pi the softmax of the logits of these tokens alone, v their levels and c the label: the expected squared error
    of a level that is drawn, sum of pi_i (c - v_i)^2, which is (c - v̄)^2 plus the variance of v; or that of the mean
    v̄ = sum of pi_i v_i. If c is 1 with probability p, the first is least with all mass on the level nearest to p, the
    second with any mass whose mean is p.

    Parameters
    ----------
    logits : Tensor of shape (B, V)
    ids : sequence of L int
        Tokens of the levels.
    levels : sequence of L float
    labels : Tensor of shape (B,)
        1 for right, 0 for wrong; or a probability.
    mode : {"expected", "mean"}, default="expected"

    Returns
    -------
    Tensor of shape (B,)

    References
    ----------
    ConfTuner, arXiv 2508.18847. Status: verified in its code; "mean" is a proposal.

    Examples
    --------
    >>> logits, right = torch.tensor([[0.0, 1.0, 2.0, 0.5, -1.0]]).double(), torch.tensor([1.0])
    >>> round(tokenized_brier(logits, range(5), [0, 0.25, 0.5, 0.75, 1], right).item(), 9)
    0.341310849
    """
    v = torch.as_tensor(levels, dtype=logits.dtype, device=logits.device)
    pi = logits[:, list(ids)].softmax(-1)
    c = labels.to(logits.dtype)
    if mode == "mean":
        return (c - pi @ v) ** 2
    return (pi * (c[:, None] - v) ** 2).sum(-1)


def mean_of_figures(
    logits: Tensor, labels: Tensor, figures: Sequence[int], *, score: Literal["brier", "log"], spread: float
) -> Tensor:
    """Score of the mean that a number's figures amount to, their spread, and cross-entropy of all other tokens.

    Parameters
    ----------
    logits : Tensor of shape (B, S, V)
    labels : Tensor of shape (B, S)
        The last three figures of each row are a number below 1 in two decimals: the target.
    figures : sequence of 10 int
        Tokens of the figures 0 to 9.
    score : {"brier", "log"}
        Squared error of the mean, or log loss.
    spread : float
        Weight of the mean squared distance of the first decimal to the target.

    Returns
    -------
    Tensor, a scalar
        The mean over rows. The second decimal counts 4.5 in the mean, and is learnt by cross-entropy.

    References
    ----------
    Status: a proposal of this library; see `uncal.objectives.mean_match`.
    """
    ids = torch.tensor(figures, device=labels.device)
    rows = torch.arange(len(labels), device=labels.device)
    place = torch.arange(1, labels.shape[1] + 1, device=labels.device)
    third, second, first = ((place * torch.isin(labels, ids)).topk(3, dim=1).values - 1).unbind(1)
    said = (labels[rows[:, None], torch.stack([second, third], 1)][..., None] == ids).int().argmax(-1)
    target = (said * torch.tensor([0.1, 0.01], device=labels.device)).sum(1)

    before = logits[rows, first][:, ids[:2]].softmax(-1)
    after = logits[rows, second][:, ids].softmax(-1)
    tenths = torch.arange(10, device=labels.device, dtype=after.dtype) / 10
    mean = before[:, 1] + before[:, 0] * (after @ (tenths + 0.045))
    if score == "log":
        scored = functional.binary_cross_entropy(mean.clamp(1e-6, 1 - 1e-6), target.to(mean.dtype))
    else:
        scored = (mean - target).square().mean()
    spread_out = (after * (tenths - (target[:, None] - 0.045)).square()).sum(-1).mean()
    others = labels.clone()
    others[rows, first] = IGNORED
    others[rows, second] = IGNORED
    chosen = others != IGNORED
    form = functional.cross_entropy(logits[chosen], others[chosen], reduction="sum") / len(labels)
    return scored + spread * spread_out + form


def level_cross_entropy(logits: Tensor, labels: Tensor, ids: Sequence[int]) -> Tensor:
    """Cross-entropy over the levels' tokens alone where one is due, averaged over the rows; 0 without rows.

    Parameters
    ----------
    logits : Tensor of shape (B, S, V)
    labels : Tensor of shape (B, S)
    ids : sequence of L int

    References
    ----------
    The query of calibration-tuning, arXiv 2406.08391. Status: verified in its code.
    """
    due, level = level_logits(logits, labels, ids)
    return functional.cross_entropy(due[:, list(ids)], level, reduction="sum") / max(1, len(level))


def coverage(logits: Tensor, ids: Sequence[int]) -> Tensor:
    """Probability of the levels' tokens together, (B,): what the tokenized Brier score does not look at is the rest.

    Status: a proposal.
    """
    return logits.softmax(-1)[:, list(ids)].sum(-1)


# Divergence from the base


def divergence(logp: Tensor, logq: Tensor, kind: Divergence = "js") -> Tensor:
    """How far two distributions are apart, in nats.

    Parameters
    ----------
    logp, logq : Tensor of shape (..., V)
        Natural-log probabilities: p is the base, q what is trained.
    kind : {"js", "forward_kl", "reverse_kl"}, default="js"
        Jensen-Shannon, in [0, ln 2]; KL(p || q); KL(q || p).

    Returns
    -------
    Tensor of shape (...)

    References
    ----------
    Calibration-tuning, arXiv 2406.08391. Status: verified in its code.
    """
    if kind == "js":
        logm = torch.logaddexp(logp, logq) - torch.log(torch.tensor(2.0, dtype=logp.dtype, device=logp.device))
        return (_kl(logp, logm) + _kl(logq, logm)) / 2
    return _kl(logp, logq) if kind == "forward_kl" else _kl(logq, logp)


def _kl(logp: Tensor, logq: Tensor) -> Tensor:
    p = logp.exp()
    return (p * (logp.masked_fill(p == 0, 0.0) - logq)).sum(-1)  # 0 ln 0 is 0


def base_divergence(logits: Tensor, base: Tensor, labels: Tensor, kind: Divergence = "js") -> Tensor:
    """Divergence from the base at the places with a label: their sum in each row, averaged over the rows.

    Parameters
    ----------
    logits, base : Tensor of shape (B, S, V)
    labels : Tensor of shape (B, S)
    kind : {"js", "forward_kl", "reverse_kl"}, default="js"
    """
    counted = labels != IGNORED
    apart = divergence(base[counted].log_softmax(-1), logits[counted].log_softmax(-1), kind)
    return apart.sum() / len(labels)


# Tokens by their entropy


def token_entropy(logits: Tensor) -> Tensor:
    """Entropy of the distribution at each place, in nats; (..., V) -> (...)."""
    logp = logits.log_softmax(-1)
    return -(logp.exp() * logp).sum(-1)


def ua_clm(p: Tensor, H: Tensor, correct: Tensor) -> tuple[Tensor, Tensor]:
    """Terms of the uncertainty-aware causal language modelling loss: of wrong tokens, and of right ones.

    Wrong tokens should have a high entropy, the surer the more: the mean of -P ln tanh(H) over them. Right ones a low
    one: the mean of -(1 - P) ln(1 - tanh(H)).

    Parameters
    ----------
    p : Tensor of shape (K,)
        Probability of the most probable token at each place, in (0, 1].
    H : Tensor of shape (K,)
        Entropy there, in nats; below 1e-6 it counts as 1e-6.
    correct : Tensor of shape (K,), bool
        Whether the most probable token is the label.

    Returns
    -------
    wrong, right : Tensor, scalars
        0 where there is no such token.

    References
    ----------
    arXiv 2412.02904. Status: secondary; that P is that of the most probable token, at wrong ones too, is inferred.

    Examples
    --------
    >>> p, H = torch.tensor([0.8, 0.8]).double(), torch.tensor([0.5, 0.5]).double()
    >>> wrong, right = ua_clm(p, H, torch.tensor([False, True]))
    >>> round(wrong.item(), 6), round(right.item(), 6)
    (0.617549, 0.124023)
    """
    H = H.clamp(min=1e-6)
    log_tanh = torch.log(-torch.expm1(-2 * H)) - torch.log1p(torch.exp(-2 * H))
    log_rest = torch.log(torch.tensor(2.0, dtype=H.dtype, device=H.device)) - functional.softplus(2 * H)
    return _mean(-p * log_tanh, ~correct), _mean(-(1 - p) * log_rest, correct)


def ua_clm_loss(logits: Tensor, labels: Tensor, weight: float = 1.0) -> Tensor:
    """Cross-entropy plus `weight` times both terms of `ua_clm`, over the places with a label.

    Parameters
    ----------
    logits : Tensor of shape (B, S, V)
    labels : Tensor of shape (B, S)
    weight : float, default=1.0
    """
    counted = labels != IGNORED
    z, y = logits[counted], labels[counted]
    p, top = z.softmax(-1).max(-1)
    wrong, right = ua_clm(p, token_entropy(z), top == y)
    return functional.cross_entropy(z, y) + weight * (wrong + right)


def forking_loss(logits: Tensor, labels: Tensor, quantile: float = 0.8) -> Tensor:
    """Cross-entropy of the forking tokens: those whose entropy reaches this quantile of all in the batch.

    Parameters
    ----------
    logits : Tensor of shape (B, S, V)
    labels : Tensor of shape (B, S)
    quantile : float in [0, 1], default=0.8
        0 takes every token.

    References
    ----------
    The rule that a fifth of the tokens, those of high entropy, carry the learning is known from notes on reinforcement
    learning. Status: secondary; its use in supervised training is a proposal.
    """
    counted = labels != IGNORED
    z, y = logits[counted], labels[counted]
    with torch.no_grad():
        H = token_entropy(z)
        kept = torch.quantile(H, quantile) <= H
    return functional.cross_entropy(z[kept], y[kept])


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of some values; 0 if there are none."""
    return torch.where(chosen, values, torch.zeros_like(values)).sum() / chosen.sum().clamp(min=1)


# Another model's tokens


def topk_kl(
    teacher_logprobs: Tensor, teacher_ids: Tensor, logits: Tensor, *, tail: Literal["renorm", "other"] = "renorm"
) -> Tensor:
    """KL divergence of a student from a teacher of whom the k most probable tokens are known.

    Parameters
    ----------
    teacher_logprobs : Tensor of shape (..., k)
        Natural-log probabilities of the teacher's tokens.
    teacher_ids : Tensor of shape (..., k), int64
        Those tokens.
    logits : Tensor of shape (..., V)
        The student's.
    tail : {"renorm", "other"}, default="renorm"
        What becomes of the teacher's other tokens: their mass goes to the k in proportion, or is one more atom, matched
        by all that the student gives to tokens other than these.

    Returns
    -------
    Tensor of shape (...)
        0 where the student agrees, never below.

    References
    ----------
    FIRST, arXiv 2408.12168. Status: both tails verified in its code, whose path with the other atom hands probabilities
    to a function that wants logarithms, which this does not; that the student is not renormalised is a choice of this
    library.

    Examples
    --------
    >>> teacher = torch.tensor([0.5, 0.3, 0.2]).log()
    >>> topk_kl(teacher[:2], torch.tensor([0, 1]), teacher, tail="other").abs().item() < 1e-6
    True
    """
    logq = logits.log_softmax(-1).gather(-1, teacher_ids)
    if tail == "renorm":
        return _kl(teacher_logprobs.log_softmax(-1), logq)
    known = _kl(teacher_logprobs, logq)
    if teacher_ids.shape[-1] == logits.shape[-1]:
        return known
    rest_p = (1 - teacher_logprobs.exp().sum(-1)).clamp(min=0)
    rest_q = logits.log_softmax(-1).scatter(-1, teacher_ids, -torch.inf).logsumexp(-1)
    kl: Tensor = known + torch.special.xlogy(rest_p, rest_p) - rest_p * rest_q
    return kl
