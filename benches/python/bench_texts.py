"""Similarity of texts beside its definition in plain Python, on the same texts in the same run.

    python benches/python/bench_texts.py [--seconds 1]

Prints milliseconds for all groups, medians of at least five runs. Plain Python gets sets that are made once for
each text, and a table of two rows for the longest common subsequence.
"""

import argparse
import time
from statistics import median

import numpy as np

from uncal import fast


def jaccard(groups):
    matrices = []
    for group in groups:
        sets = [set(text.lower().split()) for text in group]
        matrices.append([[len(a & b) / len(a | b) for b in sets] for a in sets])
    return matrices


def common(a, b):
    row = [0] * (len(b) + 1)
    for x in a:
        above, row = row, [0]
        for j, y in enumerate(b):
            row.append(above[j] + 1 if x == y else max(above[j + 1], row[j]))
    return row[-1]


def rouge_l(groups):
    matrices = []
    for group in groups:
        words = [text.lower().split() for text in group]
        matrix = np.ones((len(words), len(words)))
        for i, a in enumerate(words):
            for j in range(i):
                matrix[i, j] = matrix[j, i] = 2 * common(a, words[j]) / (len(a) + len(words[j]))
        matrices.append(matrix)
    return matrices


def seconds(call, budget):
    call()
    times = []
    while len(times) < 5 or sum(times) < budget:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="at least so long for each figure")
    budget = parser.parse_args().seconds
    rng = np.random.default_rng(0)
    columns = ("python ms", "1 thread", "ratio", "2 threads", "ratio", "worst")
    print(f"{'kernel':>8} {'P':>5} {'N':>4} {'words':>5}", *(f"{column:>9}" for column in columns))
    for p, n, words in [(500, 10, 10), (50, 20, 20), (1, 10, 200), (1, 2, 1000)]:
        # Few words are frequent and most are rare, as in English.
        drawn = (5000 ** rng.uniform(size=(p, n, words))).astype(int)
        groups = [[" ".join(f"word{word}" for word in text) for text in group] for group in drawn]
        for name, theirs, ours in (
            ("Jaccard", jaccard, fast.jaccard_similarity),
            ("ROUGE-L", rouge_l, fast.rouge_l_similarity),
        ):
            plain = seconds(lambda f=theirs, x=groups: f(x), budget) * 1e3
            one = seconds(lambda f=ours, x=groups: f(x, threads=1), budget) * 1e3
            two = seconds(lambda f=ours, x=groups: f(x, threads=2), budget) * 1e3
            worst = np.abs(np.array(theirs(groups)) - ours(groups)).max()
            figures = (plain, one, plain / one, two, plain / two)
            print(f"{name:>8} {p:5} {n:4} {words:5}", *(f"{figure:9.2f}" for figure in figures), f"{worst:9.1e}")


if __name__ == "__main__":
    main()
