//! Entropies on one thread; `benches/python/bench_kernels.py` runs them beside `NumPy`.
#![allow(clippy::cast_possible_truncation)] // f32 is what embeddings are

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array2;
use uncal_core::{Kernel, Rng, Shape, pool, renyi_entropy, von_neumann_entropy};

const GROUPS: usize = 200;

fn entropies(c: &mut Criterion) {
    let kernel = Kernel::new(Shape::Rbf, 1.0, true).expect("gamma is 1");
    for (n, d) in [(5, 384), (10, 384), (20, 384), (64, 384)] {
        let rng = Rng::new(1, 0);
        let entry = |(i, j)| (rng.bits((i * d + j) as u64) as f64 / 2f64.powi(63) - 1.0) as f32;
        let embeddings = Array2::from_shape_fn((GROUPS * n, d), entry);
        let offsets: Vec<i64> = (0..=GROUPS).map(|p| i64::try_from(p * n).expect("small")).collect();
        let mut group = c.benchmark_group("entropy, one thread");
        group.throughput(Throughput::Elements(GROUPS as u64));
        for alpha in [1.0, 2.0] {
            let name = if alpha == 1.0 { "von Neumann" } else { "Renyi-2" };
            group.bench_function(BenchmarkId::new(name, format!("N={n} D={d}")), |b| {
                b.iter(|| {
                    pool::with_threads(Some(1), || {
                        renyi_entropy(black_box(embeddings.view()), &offsets, &kernel, alpha)
                    })
                });
            });
        }
        group.finish();
    }
    let one = Array2::from_shape_fn((300, 64), |(i, j)| ((i * 64 + j) as f64).sin());
    c.bench_function("entropy of one group of 300", |b| {
        b.iter(|| von_neumann_entropy(black_box(one.view()), &[0, 300], &kernel));
    });
}

criterion_group!(benches, entropies);
criterion_main!(benches);
