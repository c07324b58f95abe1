"""What a model is told: the turn that answers, and the turn that says how unsure the answer is."""

from uncal.errors import ConfigError
from uncal.parse import FORMATS
from uncal.types import Message, Order

ANSWER = (
    "Reply with the shortest phrase that answers the question. Always commit to one answer, even a guess.\n\n{question}"
)
DOUBTS = "what would make it wrong: gaps in what you know, other plausible answers, ambiguity in the question"
ASK = {
    "answer_first": f"You gave the answer above. Do not change it. Think briefly about {DOUBTS}. Then state {{words}}, "
    "and stop.",
    "together": "Answer the question with the shortest phrase that answers it, in <answer>...</answer>. Always commit "
    f"to one answer, even a guess. Do not change it afterwards. Think briefly about {DOUBTS}. Then state {{words}}, "
    "and stop.\n\n{question}",
    "confidence_first": "Before you answer the question, say how it will go: think briefly about what you know of it, "
    "and state {words}. Then give the shortest phrase that answers it, in <answer>...</answer>, and stop. Always "
    "commit to one answer, even a guess.\n\n{question}",
}
"""What asks for the number, by what a completion holds. Status: our own wording; the paper's could not be read."""


def ask(order: Order = "answer_first", form: str = "uncertainty") -> str:
    """Say what asks a model for its number, in one of `uncal.parse.FORMATS`.

    Examples
    --------
    >>> ask("together", "confidence")[:50]
    'Answer the question with the shortest phrase that '
    """
    return ASK[order].replace("{words}", FORMATS[form].words)


UNCERTAINTY = ask()
"""The uncertainty turn unless set."""


def check(template: str) -> str:
    """Return a prompt's template; `ConfigError` if it has no place for the question."""
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


def turns(order: Order, question: str, answer: str | None, template: str, asking: str) -> list[Message]:
    """Build the conversation in which a model gives its number, whatever a completion of it holds.

    Parameters
    ----------
    order : {"answer_first", "together", "confidence_first"}
    question : str
    answer : str or None
        The frozen answer; not looked at where the model answers itself.
    template : str
        What asks for the answer alone.
    asking : str
        What asks for the number; with {question} where the model answers itself.

    Examples
    --------
    >>> turns("together", "What is 2 + 2?", None, ANSWER, "{question} How sure are you?")
    [{'role': 'user', 'content': 'What is 2 + 2? How sure are you?'}]
    """
    if order == "answer_first":
        return uncertainty_turn(question, answer or "", template, asking)
    return answer_turn(question, check(asking))
