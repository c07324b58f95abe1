"""What a model is told: the turn that answers, and the turn that says how unsure the answer is."""

from uncal.errors import ConfigError
from uncal.types import Message

ANSWER = (
    "Reply with the shortest phrase that answers the question. Always commit to one answer, even a guess.\n\n{question}"
)
UNCERTAINTY = (
    "You gave the answer above. Do not change it. Think briefly about what would make it wrong: gaps in what you know, "
    "other plausible answers, ambiguity in the question. Then state the probability that the answer is wrong, as a "
    "decimal from 0.00 (surely right) to 1.00 (surely wrong), in <uncertainty>...</uncertainty>, and stop."
)
"""Status: our own wording; the paper's prompts could not be read."""


def check(template: str) -> str:
    """Return an answer prompt's template; `ConfigError` if it has no place for the question."""
    if "{question}" not in template:
        raise ConfigError(f"answer_prompt {template!r} must contain {{question}}, the place of the question")
    return template


def answer_turn(question: str, template: str = ANSWER) -> list[Message]:
    """Build the conversation that asks for an answer.

    Examples
    --------
    >>> answer_turn("What is 2 + 2?", "Q: {question}")
    [{'role': 'user', 'content': 'Q: What is 2 + 2?'}]
    """
    return [{"role": "user", "content": template.replace("{question}", question)}]


def uncertainty_turn(
    question: str, answer: str, template: str = ANSWER, uncertainty: str = UNCERTAINTY
) -> list[Message]:
    """Build the conversation that holds the question and the frozen answer and asks how unsure it is.

    Examples
    --------
    >>> [turn["role"] for turn in uncertainty_turn("What is 2 + 2?", "4")]
    ['user', 'assistant', 'user']
    """
    return [
        *answer_turn(question, template),
        {"role": "assistant", "content": answer},
        {"role": "user", "content": uncertainty},
    ]
