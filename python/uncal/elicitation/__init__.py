"""Ways to have a model state how sure it is: what it is asked, how its replies are read, how several make one number.

The three factors of Xiong et al., Can LLMs Express Their Uncertainty?, ICLR 2024, arXiv 2306.13063: a way of asking
(`STRATEGIES`), a way of drawing several replies (`variants`), and a way of putting them together (`consistency`,
`avg_conf`, `pair_rank`, `top_k_mean`). Wordings are our own.
"""

from uncal.elicitation._aggregate import (
    avg_conf,
    candidate,
    consistency,
    mean_stated,
    pair_rank,
    top_k_mean,
)
from uncal.elicitation._readers import Reply, read_option, read_probe, read_steps
from uncal.elicitation._strategies import (
    HINTS,
    MOST,
    STRATEGIES,
    TRUE_FALSE,
    VARIATIONS,
    YES_NO,
    Strategy,
    p_ik_turn,
    p_true_turn,
    probe_turn,
)

__all__ = [
    "HINTS",
    "MOST",
    "STRATEGIES",
    "TRUE_FALSE",
    "VARIATIONS",
    "YES_NO",
    "Reply",
    "Strategy",
    "avg_conf",
    "candidate",
    "consistency",
    "mean_stated",
    "p_ik_turn",
    "p_true_turn",
    "pair_rank",
    "probe_turn",
    "read_option",
    "read_probe",
    "read_steps",
    "top_k_mean",
]
