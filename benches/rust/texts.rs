//! Similarity of texts on one thread; `benches/python/bench_texts.py` runs it beside plain Python.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small counts

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use uncal_core::{Rng, Texts, Tokens, jaccard_similarity, pool, rouge_l_similarity};

/// P groups of n texts of some `words` words each; few words are frequent and most are rare, as in English.
fn texts(p: usize, n: usize, words: usize) -> (String, Vec<i64>, Vec<i64>) {
    let rng = Rng::new(3, 0);
    let (mut text, mut ends) = (String::new(), Vec::new());
    for row in 0..p * n {
        for i in 0..words {
            let uniform = rng.bits((row * words + i) as u64) as f64 / 2f64.powi(64);
            text += "word";
            text += &(5000f64.powf(uniform) as u32).to_string();
            text.push(' ');
        }
        ends.push(i64::try_from(text.len()).expect("small"));
    }
    (text, ends, (0..=p).map(|p| i64::try_from(p * n).expect("small")).collect())
}

fn similarities(c: &mut Criterion) {
    for (p, n, words) in [(500, 10, 10), (200, 20, 20), (20, 20, 200), (1, 20, 4000), (1, 300, 100)] {
        let (text, ends, offsets) = texts(p, n, words);
        let texts = Texts::new(text.as_bytes(), &ends).expect("made so");
        let mut group = c.benchmark_group("texts, one thread");
        group.throughput(Throughput::Elements(p as u64));
        let size = format!("N={n} words={words}");
        group.bench_function(BenchmarkId::new("Jaccard", &size), |b| {
            b.iter(|| pool::with_threads(Some(1), || jaccard_similarity(black_box(&texts), &offsets)));
        });
        group.bench_function(BenchmarkId::new("ROUGE-L", &size), |b| {
            let tokens = Tokens::Words;
            b.iter(|| pool::with_threads(Some(1), || rouge_l_similarity(black_box(&texts), &offsets, tokens)));
        });
        group.finish();
    }
}

criterion_group!(benches, similarities);
criterion_main!(benches);
