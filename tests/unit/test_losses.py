"""Losses: against their definitions in NumPy, by numerical gradients, and by what makes each what it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from uncal import losses

LOGITS = [0.0, 1.0, 2.0, 0.5, -1.0]
LEVELS = [0.0, 0.25, 0.5, 0.75, 1.0]
NEAR = {"rtol": 1e-10, "atol": 1e-12}


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def agrees(gradients_of: Callable[..., Tensor], *inputs: Tensor) -> bool:
    """Say whether the gradient is that of finite differences, in float64."""
    return torch.autograd.gradcheck(gradients_of, [one.clone().requires_grad_() for one in inputs])


# Tokenized Brier score


@pytest.mark.parametrize(
    ("mode", "label", "loss"),
    [("expected", 1, 0.3413108485), ("expected", 0, 0.2523969279), ("mean", 1, 0.2964333816)],
)
def test_tokenized_brier_has_its_golden_values(mode: Any, label: int, loss: float) -> None:
    z = torch.tensor([LOGITS], dtype=torch.float64)
    found = losses.tokenized_brier(z, range(5), LEVELS, torch.tensor([label]), mode=mode)
    np.testing.assert_allclose(found, loss, atol=1e-10)


@pytest.mark.parametrize("mode", ["expected", "mean"])
def test_tokenized_brier_is_its_definition_and_has_its_gradient(mode: Any) -> None:
    z, ids, c = drawn(6, 9), [7, 2, 4], torch.tensor([0.0, 1.0, 1.0, 0.3, 0.0, 0.9])
    v = np.array([0.1, 0.5, 0.8])
    pi = softmax(z.numpy()[:, ids])
    wanted = [
        (pi[b] * (c[b].item() - v) ** 2).sum() if mode == "expected" else (c[b].item() - pi[b] @ v) ** 2
        for b in range(6)
    ]
    np.testing.assert_allclose(losses.tokenized_brier(z, ids, v.tolist(), c, mode=mode), wanted, rtol=1e-6)
    exact = c.double()
    assert agrees(lambda z: losses.tokenized_brier(z, ids, v.tolist(), exact, mode=mode), z)


def test_the_gradient_of_tokenized_brier_is_pi_times_what_each_level_costs_more_than_the_mean() -> None:
    z = drawn(1, 5).requires_grad_()
    loss = losses.tokenized_brier(z, range(5), LEVELS, torch.tensor([1.0]))
    loss.sum().backward()
    pi = softmax(z.detach().numpy())
    assert z.grad is not None
    np.testing.assert_allclose(z.grad, pi * ((1 - np.array(LEVELS)) ** 2 - loss.item()), **NEAR)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.3, 0.49, 0.64, 0.9, 1.0])
def test_tokenized_brier_is_least_with_all_mass_on_the_level_nearest_to_the_chance_of_being_right(p: float) -> None:
    generator = np.random.default_rng(1)
    z = torch.from_numpy(np.log(np.vstack([generator.dirichlet(np.full(5, 0.3), 500) + 1e-12, np.eye(5) + 1e-12])))
    wrong, right = (losses.tokenized_brier(z, range(5), LEVELS, torch.full((505,), c)) for c in (0.0, 1.0))
    expected = (1 - p) * wrong + p * right
    best = int(expected[500:].argmin())
    assert LEVELS[best] == min(LEVELS, key=lambda level: abs(level - p))
    assert bool((expected[500 + best] <= expected + 1e-9).all())


def test_the_squared_error_of_the_mean_leaves_the_spread_free() -> None:
    sharp, wide = torch.tensor([[-40.0, -40.0, 0.0, -40.0, -40.0], [0.0, -40.0, -40.0, -40.0, 0.0]]).double()
    both = torch.stack([sharp, wide])
    mean = losses.tokenized_brier(both, range(5), LEVELS, torch.ones(2), mode="mean")
    expected = losses.tokenized_brier(both, range(5), LEVELS, torch.ones(2))
    np.testing.assert_allclose(mean, [0.25, 0.25], **NEAR)
    np.testing.assert_allclose(expected, [0.25, 0.5], **NEAR)


def test_coverage_is_the_mass_of_the_levels() -> None:
    z = drawn(4, 9)
    np.testing.assert_allclose(losses.coverage(z, [7, 2, 4]), softmax(z.numpy())[:, [7, 2, 4]].sum(1), **NEAR)


# Where a level is due


def test_a_level_is_due_where_the_first_label_is_one_of_its_tokens() -> None:
    z = drawn(3, 4, 9)
    labels = torch.tensor([[-100, 7, 2, 1], [-100, -100, 5, 2], [4, 1, 1, 1]])
    logits, level = losses.level_logits(z, labels, [7, 2, 4])
    assert level.tolist() == [0, 1, 2]
    assert torch.equal(logits, torch.stack([z[0, 1], z[1, 3], z[2, 0]]))


def test_a_row_without_a_level_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="labels of row 1 hold none of the levels' tokens"):
        losses.level_logits(drawn(2, 2, 9), torch.tensor([[7, 1], [-100, 1]]), [7, 2])


def test_cross_entropy_of_levels_looks_at_their_tokens_alone() -> None:
    z, labels = drawn(2, 1, 9), torch.tensor([[7], [2]])
    wanted = -np.log([softmax(z.numpy()[0, :, [7, 2]].T)[0, 0], softmax(z.numpy()[1, :, [7, 2]].T)[0, 1]]).mean()
    np.testing.assert_allclose(losses.level_cross_entropy(z, labels, [7, 2]), wanted, **NEAR)
    assert losses.level_cross_entropy(z[:0], labels[:0], [7, 2]).item() == 0
    assert agrees(lambda z: losses.level_cross_entropy(z, labels, [7, 2]), z)


# Divergence


def kl(p: Any, q: Any) -> Any:
    return (p * np.log(p / q)).sum(-1)


def test_divergences_are_their_definitions_and_have_their_gradients() -> None:
    z, w = drawn(5, 7), drawn(5, 7, seed=1)
    p, q = softmax(z.numpy()), softmax(w.numpy())
    wanted = {
        "forward_kl": kl(p, q),
        "reverse_kl": kl(q, p),
        "js": (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2,
    }
    for kind, values in wanted.items():
        found = losses.divergence(z.log_softmax(-1), w.log_softmax(-1), kind)  # type: ignore[arg-type]
        np.testing.assert_allclose(found, values, **NEAR)
        assert agrees(lambda w, kind=kind: losses.divergence(z.log_softmax(-1), w.log_softmax(-1), kind), w)


def test_jensen_shannon_is_symmetric_at_most_the_logarithm_of_2_and_0_between_equals() -> None:
    a, b = (drawn(50, 7, seed=seed) * 9 for seed in (0, 1))
    p, q = a.log_softmax(-1), b.log_softmax(-1)
    apart = losses.divergence(p, q)
    np.testing.assert_allclose(apart, losses.divergence(q, p), **NEAR)
    assert bool(((apart > 0) & (apart < np.log(2))).all())
    np.testing.assert_allclose(losses.divergence(p, p), 0, atol=1e-12)


def test_divergence_from_the_base_is_summed_over_the_places_with_a_label() -> None:
    z, base = drawn(2, 3, 5), drawn(2, 3, 5, seed=1)
    labels = torch.tensor([[-100, 1, 2], [-100, -100, 3]])
    p, q = softmax(base.numpy()), softmax(z.numpy())
    wanted = (kl(p[0, 1], q[0, 1]) + kl(p[0, 2], q[0, 2]) + kl(p[1, 2], q[1, 2])) / 2
    np.testing.assert_allclose(losses.base_divergence(z, base, labels, "forward_kl"), wanted, **NEAR)


# UA-CLM


def ua_clm(p: Any, H: Any, correct: Any) -> tuple[float, float]:
    """Terms as the paper has them: of wrong tokens, of right ones."""
    wrong = [-p[i] * np.log(np.tanh(H[i])) for i in range(len(p)) if not correct[i]]
    right = [-(1 - p[i]) * np.log(1 - np.tanh(H[i])) for i in range(len(p)) if correct[i]]
    return float(np.mean(wrong)) if wrong else 0.0, float(np.mean(right)) if right else 0.0


def test_ua_clm_has_its_golden_values() -> None:
    p, H = torch.full((2,), 0.8, dtype=torch.float64), torch.full((2,), 0.5, dtype=torch.float64)
    wrong, right = losses.ua_clm(p, H, torch.tensor([False, True]))
    np.testing.assert_allclose([wrong, right], [0.6175494663, 0.1240229014], atol=1e-10)


@pytest.mark.parametrize("right", [[True, False, True, False, False], [True] * 5, [False] * 5])
def test_ua_clm_is_its_definition_and_has_its_gradient(right: list[bool]) -> None:
    generator = np.random.default_rng(3)
    p, H = (torch.from_numpy(generator.uniform(low, high, 5)) for low, high in ((0.1, 0.9), (0.05, 3)))
    correct = torch.tensor(right)
    np.testing.assert_allclose(losses.ua_clm(p, H, correct), ua_clm(p.numpy(), H.numpy(), right), rtol=1e-10)
    assert agrees(lambda p, H: sum(losses.ua_clm(p, H, correct), torch.zeros(())), p, H)


def test_ua_clm_is_finite_for_entropies_of_0_and_of_1000_nats() -> None:
    p, H = torch.tensor([1.0, 0.5, 1.0, 0.5]), torch.tensor([0.0, 1000.0, 1000.0, 0.0], requires_grad=True)
    terms = losses.ua_clm(p, H, torch.tensor([False, False, True, True]))
    sum(terms, torch.zeros(())).backward()
    assert all(bool(torch.isfinite(term)) for term in terms)
    assert H.grad is not None
    assert bool(torch.isfinite(H.grad).all())


def test_ua_clm_grows_as_a_wrong_token_is_surer_and_a_right_one_less_sure() -> None:
    p, H = torch.full((4,), 0.5).double(), torch.tensor([0.2, 0.4, 0.8, 1.6]).double()
    wrong = [losses.ua_clm(p[i : i + 1], H[i : i + 1], torch.tensor([False]))[0].item() for i in range(4)]
    right = [losses.ua_clm(p[i : i + 1], H[i : i + 1], torch.tensor([True]))[1].item() for i in range(4)]
    assert wrong == sorted(wrong, reverse=True)
    assert right == sorted(right)


def entropies(z: Any) -> Any:
    q = softmax(z)
    return -(q * np.log(q)).sum(-1)


def test_the_loss_of_ua_clm_is_cross_entropy_and_both_terms_over_the_places_with_a_label() -> None:
    z, labels = drawn(2, 3, 5), torch.tensor([[-100, 1, 2], [-100, -100, 3]])
    flat, y = z.numpy()[[0, 0, 1], [1, 2, 2]], np.array([1, 2, 3])
    q = softmax(flat)
    terms = ua_clm(q.max(1), entropies(flat), q.argmax(1) == y)
    wanted = -np.log(q[np.arange(3), y]).mean() + 0.7 * sum(terms)
    np.testing.assert_allclose(losses.ua_clm_loss(z, labels, 0.7), wanted, **NEAR)
    assert agrees(lambda z: losses.ua_clm_loss(z, labels, 0.7), z)


# Forking tokens


@pytest.mark.parametrize("quantile", [0.0, 0.5, 0.8])
def test_the_forking_loss_is_the_cross_entropy_of_the_places_whose_entropy_reaches_the_quantile(
    quantile: float,
) -> None:
    z, labels = drawn(4, 6, 5) * 3, torch.from_numpy(np.random.default_rng(5).integers(5, size=(4, 6)))
    labels[:, :2] = -100
    flat, y = z.numpy()[:, 2:].reshape(-1, 5), labels[:, 2:].numpy().ravel()
    H = entropies(flat)
    kept = np.quantile(H, quantile) <= H
    assert kept.sum() == {0.0: 16, 0.5: 8, 0.8: 4}[quantile]
    wanted = -np.log(softmax(flat)[np.arange(16), y])[kept].mean()
    np.testing.assert_allclose(losses.forking_loss(z, labels, quantile), wanted, **NEAR)
    assert agrees(lambda z: losses.forking_loss(z, labels, quantile), z)


def test_tokens_that_are_no_fork_get_no_gradient() -> None:
    z = torch.zeros(1, 4, 5, dtype=torch.float64)
    z[0, :3, 0] = torch.tensor([30.0, 20.0, 10.0])
    z.requires_grad_()
    losses.forking_loss(z, torch.zeros(1, 4, dtype=torch.int64), 0.8).backward()
    assert z.grad is not None
    assert (z.grad[0].abs().sum(-1) > 0).tolist() == [False, False, False, True]


# The k most probable tokens of a teacher


@pytest.mark.parametrize("tail", ["renorm", "other"])
def test_topk_kl_is_its_definition_and_has_its_gradient(tail: Any) -> None:
    teacher, student = softmax(drawn(4, 9).numpy()), drawn(4, 9, seed=1)
    ids = np.argsort(-teacher, 1)[:, :3]
    p, q = np.take_along_axis(teacher, ids, 1), np.take_along_axis(softmax(student.numpy()), ids, 1)
    if tail == "other":
        p, q = (np.hstack([some, 1 - some.sum(1, keepdims=True)]) for some in (p, q))
    else:
        p = p / p.sum(1, keepdims=True)
    given = torch.from_numpy(np.log(np.take_along_axis(teacher, ids, 1))), torch.from_numpy(ids)
    np.testing.assert_allclose(losses.topk_kl(*given, student, tail=tail), kl(p, q), **NEAR)
    assert agrees(lambda z: losses.topk_kl(*given, z, tail=tail), student)


def test_topk_kl_is_0_where_the_student_agrees_and_above_elsewhere() -> None:
    logp = drawn(20, 9).log_softmax(-1)
    top, ids = logp.topk(3)
    np.testing.assert_allclose(losses.topk_kl(top, ids, logp, tail="other"), 0, atol=1e-12)
    assert bool((losses.topk_kl(top, ids, drawn(20, 9, seed=1), tail="other") > 0).all())
    assert bool((losses.topk_kl(top, ids, logp) > 0).all())  # some of its mass is elsewhere


def test_topk_kl_takes_all_tokens_and_lists_that_end_early() -> None:
    logp, other = drawn(9).log_softmax(-1), drawn(9, seed=1)
    every = torch.arange(9)
    whole = kl(logp.exp().numpy(), softmax(other.numpy()))
    for tail in ("renorm", "other"):
        np.testing.assert_allclose(losses.topk_kl(logp, every, other, tail=tail), whole, **NEAR)  # type: ignore[arg-type]
    short = torch.tensor([0.0, -torch.inf], dtype=torch.float64)
    z = other.clone().requires_grad_()
    found = losses.topk_kl(short, torch.tensor([4, 5]), z)
    found.backward()
    np.testing.assert_allclose(found.item(), -np.log(softmax(other.numpy())[4]), **NEAR)
    assert z.grad is not None
    assert bool(torch.isfinite(z.grad).all())


# A network


def test_logits_are_those_that_predict_the_labels_and_the_base_is_without_the_adapter(tiny_model: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    bare = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    ids = torch.tensor([[5, 6, 7, 8, 9], [5, 6, 7, 8, 0]])
    labels = torch.tensor([[-100, -100, -100, 8, 9], [-100, -100, 7, 8, -100]])
    inputs = {"input_ids": ids, "attention_mask": (ids > 0).int(), "labels": labels}
    with torch.no_grad():
        whole = bare(**{name: inputs[name] for name in ("input_ids", "attention_mask")}).logits
    with pytest.raises(ValueError, match="network has no adapter to switch off"):
        losses.base_logits(bare, inputs)
    network = get_peft_model(bare, LoraConfig(init_lora_weights=False, target_modules="all-linear"))
    logits, kept = losses.completion_logits(network, inputs)
    assert torch.equal(kept, labels[:, 2:])
    np.testing.assert_allclose(losses.base_logits(network, inputs), whole[:, 1:-1], atol=1e-5)
    assert (logits - whole[:, 1:-1]).abs().max() > 1e-3
