//! Clusters by entailment on one thread, and their entropy.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // f32 is what classifiers give

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use uncal_core::{
    Algorithm, Equivalence, Estimator, Rng, Rule, cluster_entailment, num_semantic_sets, pool, semantic_entropy,
};

const GROUPS: usize = 2000;

/// Completions that mean one of four things; those that mean the same mostly entail each other.
fn judgements(n: usize) -> (Vec<f32>, Vec<f32>) {
    let rng = Rng::new(1, 0);
    let uniform = |k: usize| rng.bits(k as u64) as f64 / 2f64.powi(64);
    let entry = |k: usize| {
        let (p, i, j) = (k / (n * n), k / n % n, k % n);
        let means = |i: usize| (4.0 * uniform(p * n + i)) as usize;
        let sure = 0.6 + 0.4 * uniform(k + (1 << 40));
        let same = means(i) == means(j);
        ((if same { sure } else { 0.1 * (1.0 - sure) }) as f32, (if same { 0.1 * (1.0 - sure) } else { sure }) as f32)
    };
    (0..GROUPS * n * n).map(entry).unzip()
}

fn clusters(c: &mut Criterion) {
    for n in [10, 20] {
        let (entail, contra) = judgements(n);
        let offsets: Vec<i64> = (0..=GROUPS).map(|p| i64::try_from(p * n).expect("small")).collect();
        let mut group = c.benchmark_group("clusters, one thread");
        group.throughput(Throughput::Elements(GROUPS as u64));
        let settings = [
            ("strict, first", Rule::Strict, Algorithm::First),
            ("relaxed, first", Rule::Relaxed, Algorithm::First),
            ("strict, components", Rule::Strict, Algorithm::Components),
            ("strict, complete", Rule::Strict, Algorithm::Complete),
        ];
        for (name, rule, algorithm) in settings {
            let equivalence = Equivalence::new(rule, 0.5).expect("a probability");
            group.bench_function(BenchmarkId::new(name, format!("N={n}")), |b| {
                b.iter(|| {
                    pool::with_threads(Some(1), || {
                        cluster_entailment(black_box(&entail), Some(&contra), &offsets, equivalence, algorithm)
                    })
                });
            });
        }
        let strict = Equivalence::new(Rule::Strict, 0.5).expect("a probability");
        let ids =
            cluster_entailment(&entail, Some(&contra), &offsets, strict, Algorithm::First).expect("probabilities");
        let sets = num_semantic_sets(&ids, &offsets).expect("clusters").iter().sum::<f64>() / GROUPS as f64;
        group.bench_function(BenchmarkId::new("discrete entropy", format!("N={n}, {sets:.1} clusters")), |b| {
            b.iter(|| {
                pool::with_threads(Some(1), || semantic_entropy(black_box(&ids), None, &offsets, Estimator::Discrete))
            });
        });
        group.finish();
    }
}

criterion_group!(benches, clusters);
criterion_main!(benches);
