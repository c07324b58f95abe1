//! What holds for any input.
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)] // small counts

use std::collections::BTreeSet;

use ndarray::{Array2, Axis, concatenate, s};
use proptest::prelude::*;
use uncal_core::{
    Algorithm, Bad, Bins, Bootstrap, Convention, Ece, Equivalence, Estimator, GraphKernel, GraphMeasure, Isa, Kernel,
    Linkage, Method, Metrics, Norm, Pairs, Reduce, Rule, Shape, Squares, Tail, Texts, TokenMeasure, Tokens,
    accuracy_at_confidence, aurac, auroc, brier, brier_corp, cluster_embeddings, cluster_entailment, cosine_similarity,
    degree, eccentricity, ece, ece_by, eigenvalues, eigenvectors, evaluate, fit, graph_scores, jaccard_similarity,
    kernel_language_entropy, num_semantic_sets, order_sensitive, pool, reliability, renyi_entropy, reversed_pairs,
    rouge_l_similarity, semantic_density, semantic_entropy, sentence_sar, sequence_logprobs, spectrum, token_measure,
    token_quantiles, token_sar, variation_ratio, von_neumann_entropy,
};

const SHAPES: [Shape; 5] = [Shape::Rbf, Shape::Laplacian, Shape::Cosine, Shape::Cosine01, Shape::Poly2];

/// Up to 8 rows on a coarse grid, so that equal rows and rows of zeros turn up.
fn group() -> impl Strategy<Value = Array2<f64>> {
    (1..=8_usize, 1..=5_usize).prop_flat_map(|(n, d)| {
        prop::collection::vec(-2..=2_i8, n * d)
            .prop_map(move |v| Array2::from_shape_vec((n, d), v).unwrap().mapv(f64::from))
    })
}

fn kernel() -> impl Strategy<Value = Kernel> {
    (0..5_usize, 0.01..5.0_f64, any::<bool>())
        .prop_map(|(i, gamma, normalize)| Kernel::new(SHAPES[i], gamma, normalize).unwrap())
}

const MEASURES: [GraphMeasure; 3] =
    [GraphMeasure::EigenvalueLaplacian, GraphMeasure::Degree, GraphMeasure::Eccentricity];

/// Similarities of up to 8 answers in quarters, so that equal eigenvalues turn up, with a diagonal of 1.
fn similarity() -> impl Strategy<Value = Array2<f64>> {
    (1..=8_usize).prop_flat_map(|n| {
        prop::collection::vec(0..=4_u8, n * n).prop_map(move |v| {
            let mut a = Array2::from_shape_vec((n, n), v).unwrap().mapv(|x| f64::from(x) / 4.0);
            a.diag_mut().fill(1.0);
            a
        })
    })
}

fn squares<R>(a: &Array2<f64>, f: impl Fn(&Squares<'_, f64>) -> R) -> R {
    let values: Vec<f64> = a.iter().copied().collect();
    f(&Squares::new("similarity", &values, &ends(a)).unwrap())
}

fn graph(a: &Array2<f64>, cut: f64) -> Vec<f64> {
    squares(a, |a| graph_scores(a, &MEASURES, cut).unwrap().concat())
}

/// Confidences in tenths, so that they tie and sit on the edges of bins; weights from 0 to 3, the first above 0.
fn rows() -> impl Strategy<Value = (Vec<f64>, Vec<bool>, Vec<f64>)> {
    prop::collection::vec((0..=10_u8, any::<bool>(), 0..=3_u8), 1..40).prop_map(|rows| {
        let mut weights: Vec<f64> = rows.iter().map(|row| f64::from(row.2)).collect();
        weights[0] += 1.0;
        (rows.iter().map(|row| f64::from(row.0) / 10.0).collect(), rows.iter().map(|row| row.1).collect(), weights)
    })
}

fn bins() -> impl Strategy<Value = Bins> {
    prop::sample::select(vec![Bins::Width, Bins::Mass, Bins::Distinct, Bins::Sweep])
}

fn ends(rows: &Array2<f64>) -> [i64; 2] {
    [0, i64::try_from(rows.nrows()).unwrap()]
}

fn entropy(rows: &Array2<f64>, kernel: &Kernel, alpha: f64) -> f64 {
    renyi_entropy(rows.view(), &ends(rows), kernel, alpha).unwrap()[0]
}

/// Probabilities of entailment and contradiction in quarters, so that they tie, for one group of up to 80 rows.
fn judgements() -> impl Strategy<Value = (usize, Vec<f64>, Vec<f64>)> {
    let size = prop_oneof![4 => 1..12_usize, 1 => 60..80_usize];
    size.prop_flat_map(|n| (Just(n), prop::collection::vec((0..=4_u8, 0..=4_u8), n * n))).prop_map(|(n, entries)| {
        let quarter = |k: u8| f64::from(k) / 4.0;
        let entail = entries.iter().map(|&(e, _)| quarter(e)).collect();
        (n, entail, entries.iter().map(|&(e, c)| quarter(c.min(4 - e))).collect())
    })
}

fn first_appearances(ids: &[i64]) -> bool {
    let mut next = 0;
    ids.iter().all(|&id| {
        let fine = id <= next;
        next = next.max(id + 1);
        fine
    })
}

/// Every row as often as its weight says.
fn repeated(q: &[f64], c: &[bool], w: &[f64]) -> (Vec<f64>, Vec<bool>) {
    let rows = q.iter().zip(c).zip(w);
    rows.flat_map(|((&q, &c), &w)| std::iter::repeat_n((q, c), w as usize)).unzip()
}

/// Up to 6 texts of up to 200 words from a few, so that long ones have much in common, blank and equal ones turn up.
fn texts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let text = prop_oneof![prop::collection::vec(0..4_u8, 0..8), prop::collection::vec(0..30_u8, 0..200)];
    prop::collection::vec(text, 1..=6)
}

/// Both similarities of every two texts of one group.
fn similarities(texts: &[Vec<u8>]) -> (Vec<f64>, Vec<f64>) {
    let words = |text: &[u8]| text.iter().map(|word| format!("Word{word}")).collect::<Vec<_>>();
    let joined: Vec<String> = texts.iter().map(|text| words(text).join(" \u{2014} ") + " ").collect();
    let ends: Vec<i64> = joined
        .iter()
        .scan(0, |end, text| {
            *end += text.len() as i64;
            Some(*end)
        })
        .collect();
    let (bytes, offsets) = (joined.concat(), [0, texts.len() as i64]);
    let read = Texts::new(bytes.as_bytes(), &ends).unwrap();
    (jaccard_similarity(&read, &offsets).unwrap(), rouge_l_similarity(&read, &offsets, Tokens::Words).unwrap())
}

/// The longest common subsequence by the table of all prefixes.
fn common(a: &[u8], b: &[u8]) -> usize {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            table[i + 1][j + 1] = if x == y { table[i][j] + 1 } else { table[i][j + 1].max(table[i + 1][j]) };
        }
    }
    table[a.len()][b.len()]
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12 || (a.is_nan() && b.is_nan())
}

proptest! {
    #[test]
    fn order_and_repetition_of_rows_do_not_matter(e in group(), k in kernel(), alpha in 0.2..5.0_f64) {
        let h = entropy(&e, &k, alpha);
        let back = e.slice(s![..;-1, ..]).to_owned();
        let twice = concatenate![Axis(0), e, back];
        // what rounding leaves in a zero eigenvalue, at most n * 2e-16, grows under a power below 1
        let tolerance = if alpha < 1.0 { 1e-15_f64.powf(alpha) * 100.0 } else { 1e-12 };
        prop_assert!((entropy(&back, &k, alpha) - h).abs() < tolerance);
        prop_assert!((entropy(&twice, &k, alpha) - h).abs() < tolerance);
    }

    #[test]
    fn entropies_fall_with_their_order_and_stay_in_range(e in group(), k in kernel()) {
        let most = (e.nrows() as f64).ln();
        let falling = [0.1, 0.5, 0.99, 1.0, 1.01, 2.0, 3.0, 50.0, f64::INFINITY].map(|a| entropy(&e, &k, a));
        prop_assert!(falling.windows(2).all(|w| w[0] >= w[1] - 1e-12), "{falling:?}");
        prop_assert!(falling[0] <= most && falling[8] >= 0.0 && falling[8].is_sign_positive());
    }

    #[test]
    fn a_spectrum_is_a_distribution(e in group(), k in kernel()) {
        let values = spectrum(e.view(), &ends(&e), None, &k, Bad::Raise).unwrap();
        prop_assert_eq!(values.len(), e.nrows());
        prop_assert!((values.iter().sum::<f64>() - 1.0).abs() < 1e-14);
        prop_assert!(values.windows(2).all(|w| w[0] >= w[1]) && values.iter().all(|&l| l >= 0.0));
    }

    #[test]
    fn groups_do_not_see_each_other(e in group(), f in group(), k in kernel()) {
        let dims = e.ncols().min(f.ncols());
        let (e, f) = (e.slice(s![.., ..dims]).to_owned(), f.slice(s![.., ..dims]).to_owned());
        let both = concatenate![Axis(0), e, f];
        let offsets = [0, ends(&e)[1], ends(&both)[1]];
        let together = von_neumann_entropy(both.view(), &offsets, &k).unwrap();
        prop_assert_eq!(together, vec![entropy(&e, &k, 1.0), entropy(&f, &k, 1.0)]);
    }

    #[test]
    fn clusters_only_join_as_the_threshold_falls(e in group(), high in -1.0..1.0_f64, fall in 0.0..1.0_f64) {
        for linkage in [Linkage::Leader, Linkage::Single, Linkage::Average, Linkage::Complete] {
            let at = |threshold| cluster_embeddings(e.view(), &ends(&e), threshold, linkage).unwrap();
            let (fine, coarse) = (at(high), at((high - fall).max(-1.0)));
            prop_assert!(first_appearances(&fine));
            if linkage != Linkage::Leader {
                let together = |i: usize, j: usize| fine[i] != fine[j] || coarse[i] == coarse[j];
                prop_assert!((0..fine.len()).all(|i| (0..i).all(|j| together(i, j))), "{linkage:?} {fine:?} {coarse:?}");
            }
        }
    }

    #[test]
    fn clusters_side_by_side_are_those_of_one_by_one(
        e in group(), copies in prop::collection::vec(0..8_usize, 0..40), threshold in -1.0..1.0_f64
    ) {
        // rows are repeated, so that similarities tie; products of whole numbers are exact in any order
        let rows: Vec<usize> = (0..e.nrows()).chain(copies.into_iter().map(|i| i % e.nrows())).collect();
        let e = e.select(Axis(0), &rows);
        let many = concatenate(Axis(0), &[e.view(); 21]).unwrap();
        let offsets: Vec<i64> = (0..=21).map(|p| p * e.nrows() as i64).collect();
        for linkage in [Linkage::Leader, Linkage::Single, Linkage::Average, Linkage::Complete] {
            let alone = cluster_embeddings(e.view(), &ends(&e), threshold, linkage).unwrap();
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
                let beside = isa.force(|| cluster_embeddings(many.view(), &offsets, threshold, linkage).unwrap());
                for group in beside.chunks_exact(e.nrows()) {
                    prop_assert_eq!(group, &alone[..], "{:?} {:?}", isa, linkage);
                }
            }
        }
    }

    #[test]
    fn clusters_by_entailment_lie_in_components((n, e, c) in judgements(), rule in 0..4_usize, threshold in 0.0..=1.0_f64) {
        let rule = [Rule::Strict, Rule::Relaxed, Rule::NonContra, Rule::Soft][rule];
        let (rule, offsets) = (Equivalence::new(rule, threshold).unwrap(), [0, n as i64]);
        let by = |algorithm| cluster_entailment(&e, Some(&c), &offsets, rule, algorithm).unwrap();
        let components = by(Algorithm::Components);
        prop_assert!(!order_sensitive(&e, Some(&c), &offsets, rule, Algorithm::Components).unwrap()[0]);
        for algorithm in [Algorithm::First, Algorithm::Overwrite, Algorithm::Sequential, Algorithm::Complete] {
            let ids = by(algorithm);
            prop_assert!(first_appearances(&ids));
            prop_assert!((0..n).all(|i| (0..i).all(|j| ids[i] != ids[j] || components[i] == components[j])));
        }
    }

    #[test]
    fn semantic_entropies_stay_in_range(rows in prop::collection::vec((0..5_i64, -50.0..0.0_f64), 1..30), big in any::<bool>()) {
        let (ids, s): (Vec<i64>, Vec<f64>) = rows.into_iter().unzip();
        let ids: Vec<i64> = ids.into_iter().map(|id| if big { id << 58 } else { id }).collect();
        let offsets = [0, ids.len() as i64];
        let most = num_semantic_sets(&ids, &offsets).unwrap()[0].ln();
        let of = |s: &[f64], estimator| semantic_entropy(&ids, Some(s), &offsets, estimator).unwrap()[0];
        let discrete = of(&s, Estimator::Discrete);
        prop_assert!((0.0..=most).contains(&discrete) && (0.0..=most).contains(&of(&s, Estimator::RaoBlackwell)));
        prop_assert!(same(of(&vec![-3.0; s.len()], Estimator::RaoBlackwell), discrete));
        for estimator in [Estimator::Kuhn, Estimator::Mean, Estimator::Direct, Estimator::Naive] {
            prop_assert!(of(&s, estimator).is_finite());
        }
    }

    #[test]
    fn eigenvalues_keep_trace_and_squares(n in 1..20_usize, seed in prop::collection::vec(-1e3..1e3_f64, 400)) {
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..n {
                matrix[i * n + j] = seed[20 * i.max(j) + i.min(j)];
            }
        }
        let trace: f64 = (0..n).map(|i| matrix[i * n + i]).sum();
        let squares: f64 = matrix.iter().map(|x| x * x).sum();
        let values = eigenvalues(&mut matrix, n);
        prop_assert!(values.is_sorted());
        prop_assert!((values.iter().sum::<f64>() - trace).abs() < 1e-9);
        prop_assert!((values.iter().map(|x| x * x).sum::<f64>() - squares).abs() < 1e-12 * squares.max(1.0));
    }

    #[test]
    fn similarities_of_texts_are_their_definitions(texts in texts()) {
        let n = texts.len();
        let (jaccard, rouge) = similarities(&texts);
        for (i, a) in texts.iter().enumerate() {
            for (j, b) in texts.iter().enumerate() {
                let tokens = a.len() + b.len();
                let l = if tokens == 0 { 1.0 } else { 2.0 * common(a, b) as f64 / tokens as f64 };
                prop_assert_eq!(rouge[i * n + j], l);
                // the dash is a word too, wherever there are two others
                let words = |text: &[u8]| -> BTreeSet<u8> {
                    text.iter().copied().chain((text.len() > 1).then_some(255)).collect()
                };
                let (a, b) = (words(a), words(b));
                let either = a.union(&b).count();
                let share = if either == 0 { 1.0 } else { a.intersection(&b).count() as f64 / either as f64 };
                prop_assert_eq!(jaccard[i * n + j], share);
            }
        }
    }

    #[test]
    fn variation_is_between_none_and_one(texts in texts()) {
        let offsets = [0, texts.len() as i64];
        let ratio = |values: &[f64]| variation_ratio(&Squares::new("similarity", values, &offsets).unwrap()).unwrap()[0];
        let (jaccard, rouge) = similarities(&texts);
        for values in [&jaccard, &rouge] {
            let vr = ratio(values);
            prop_assert!((0.0..=1.0).contains(&vr) && (vr == 0.0) == values.iter().all(|&s| s == 1.0));
        }
        prop_assert_eq!(ratio(&vec![1.0; jaccard.len()]), 0.0);
    }

    #[test]
    fn eigenvectors_put_their_matrix_together(n in 1..16_usize, seed in prop::collection::vec(-3..=3_i8, 256), fine in any::<bool>()) {
        let entry = |i: usize, j: usize| {
            let x = f64::from(seed[16 * i.max(j) + i.min(j)]);
            if fine { (x * 1.7 + (i * j) as f64).sin() } else { x }
        };
        let matrix = Array2::from_shape_fn((n, n), |(i, j)| entry(i, j));
        let mut vectors: Vec<f64> = matrix.iter().copied().collect();
        let values = eigenvectors(&mut vectors, n);
        prop_assert!(values.is_sorted());
        let x = Array2::from_shape_vec((n, n), vectors).unwrap();
        let back = x.t().dot(&Array2::from_diag(&ndarray::Array1::from(values))).dot(&x);
        prop_assert!((&back - &matrix).iter().all(|d| d.abs() < 1e-12), "{:?}", back);
        prop_assert!((&x.dot(&x.t()) - &Array2::<f64>::eye(n)).iter().all(|d| d.abs() < 1e-13));
    }

    #[test]
    fn graph_measures_stay_in_range_and_ignore_order(a in similarity(), cut in 0.01..2.0_f64) {
        let n = a.nrows() as f64;
        let scores = graph(&a, cut);
        prop_assert!((1.0..=n + 1e-12).contains(&scores[0]), "{:?}", scores);
        prop_assert!((0.0..n).contains(&scores[1]) && (0.0..=n.sqrt()).contains(&scores[2]), "{:?}", scores);
        let back = graph(&a.slice(s![..;-1, ..;-1]).to_owned(), cut);
        prop_assert!(scores.iter().zip(&back).all(|(x, y)| (x - y).abs() < 1e-9), "{:?} {:?}", scores, back);
        let each = squares(&a, |a| (degree(a).unwrap(), eccentricity(a, cut).unwrap()));
        prop_assert!((each.0.iter().sum::<f64>() / n - scores[1]).abs() < 1e-13);
        prop_assert!((each.1.iter().map(|x| x * x).sum::<f64>().sqrt() - scores[2]).abs() < 1e-9);
    }

    #[test]
    fn language_entropies_stay_in_range_and_ignore_order(a in similarity(), reach in 0.01..20.0_f64, matern in any::<bool>(), unit in any::<bool>()) {
        let kernel = GraphKernel::new(if matern { "matern" } else { "heat" }, reach, 1.0, reach).unwrap();
        let entropy = |a: &Array2<f64>| squares(a, |a| kernel_language_entropy(a, kernel, unit, false).unwrap()[0]);
        let h = entropy(&a);
        prop_assert!((0.0..=(a.nrows() as f64).ln()).contains(&h));
        prop_assert!((entropy(&a.slice(s![..;-1, ..;-1]).to_owned()) - h).abs() < 1e-12);
        prop_assert!((entropy(&a.t().to_owned()) - h).abs() < 1e-12);
    }

    #[test]
    fn cosines_are_a_similarity(e in group(), clip in any::<bool>()) {
        let cosines = cosine_similarity(e.view(), &ends(&e), clip).unwrap();
        let a = Array2::from_shape_vec((e.nrows(), e.nrows()), cosines).unwrap();
        let least = if clip { 0.0 } else { -1.0 };
        prop_assert!(a.iter().all(|x| (least..=1.0).contains(x)));
        prop_assert_eq!(&a, &a.t());
        for i in 0..e.nrows() {
            for j in 0..e.nrows() {
                prop_assert!(e.row(i) != e.row(j) || a[[i, j]] == 1.0);
            }
        }
        prop_assert!(!clip || graph(&a, 0.9).iter().all(|x| x.is_finite()));
    }

    #[test]
    fn weights_repeat_rows((q, c, w) in rows(), bins in bins(), n_bins in 1..12_usize) {
        let weighted = Pairs::confidences(&q, &c, Some(&w)).unwrap();
        let (q, c) = repeated(&q, &c, &w);
        let plain = Pairs::confidences(&q, &c, None).unwrap();
        prop_assert!(same(brier(&weighted).unwrap(), brier(&plain).unwrap()));
        prop_assert!(same(auroc(&weighted), auroc(&plain)));
        for (norm, debias) in [(Norm::L1, false), (Norm::L1, true), (Norm::L2, false), (Norm::L2, true), (Norm::Max, false)] {
            let kind = Ece { norm, debias, ..Ece::plain(n_bins, bins) };
            let (a, b) = (ece(&weighted, &kind).unwrap(), ece(&plain, &kind).unwrap());
            // the root of a debiased square near 0 magnifies its rounding
            prop_assert!((a - b).abs() < if norm == Norm::L2 { 1e-7 } else { 1e-12 }, "{norm:?} {debias}: {a} {b}");
        }
        let (a, b) = (reliability(&weighted, n_bins, bins).unwrap(), reliability(&plain, n_bins, bins).unwrap());
        prop_assert_eq!(a.edges, b.edges);
        prop_assert_eq!(a.count, b.count);
    }

    #[test]
    fn calibration_errors_are_ordered((q, c, w) in rows(), bins in bins(), n_bins in 1..12_usize) {
        let pairs = Pairs::confidences(&q, &c, Some(&w)).unwrap();
        let with = |norm| ece(&pairs, &Ece { norm, ..Ece::plain(n_bins, bins) }).unwrap();
        let mean = (0..q.len()).map(|i| w[i] * (q[i] - f64::from(u8::from(c[i])))).sum::<f64>() / pairs.total();
        let (l1, l2, max) = (with(Norm::L1), with(Norm::L2), with(Norm::Max));
        prop_assert!(mean.abs() <= l1 + 1e-12 && l1 <= l2 + 1e-12 && l2 <= max + 1e-12 && max <= 1.0 + 1e-12);
    }

    #[test]
    fn accuracies_of_a_sweep_never_fall((q, c, w) in rows()) {
        let pairs = Pairs::confidences(&q, &c, Some(&w)).unwrap();
        let diagram = reliability(&pairs, 15, Bins::Sweep).unwrap();
        prop_assert!(diagram.accuracy.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn conventions_repeat_rows_and_stay_in_range((q, c, w) in rows(), which in 0..7_usize, n_bins in 2..60_usize) {
        let all = [
            Convention::Netcal,
            Convention::Torchmetrics,
            Convention::Uqlm,
            Convention::LmPolygraph,
            Convention::Relplot,
            Convention::Mapie,
            Convention::Rlcr,
        ];
        let weighted = Pairs::confidences(&q, &c, Some(&w)).unwrap();
        let error = ece_by(&weighted, all[which], Some(n_bins)).unwrap();
        let (q, c) = repeated(&q, &c, &w);
        let plain = ece_by(&Pairs::confidences(&q, &c, None).unwrap(), all[which], Some(n_bins)).unwrap();
        prop_assert!((error - plain).abs() < 1e-12 && (0.0..=1.0 + 1e-12).contains(&error));
        let single: Vec<f32> = q.iter().map(|&q| q as f32).collect();
        let single = ece_by(&Pairs::confidences(&single, &c, None).unwrap(), all[which], Some(n_bins)).unwrap();
        prop_assert!((0.0..=1.0 + 1e-6).contains(&single));
    }

    #[test]
    fn corp_parts_add_up_and_are_parts((q, c, w) in rows()) {
        let pairs = Pairs::confidences(&q, &c, Some(&w)).unwrap();
        let parts = brier_corp(&pairs).unwrap();
        let sum = parts.miscalibration - parts.discrimination + parts.uncertainty;
        prop_assert!((sum - brier(&pairs).unwrap()).abs() < 1e-12);
        prop_assert!(parts.miscalibration >= 0.0 && (0.0..=parts.uncertainty).contains(&parts.discrimination));
    }

    #[test]
    fn kept_answers_are_counted((q, c, w) in rows(), threshold in -0.5..1.5_f64) {
        let pairs = Pairs::scores("x", &q, &c, Some(&w)).unwrap();
        let (accuracy, coverage) = accuracy_at_confidence(&pairs, threshold).unwrap();
        prop_assert!((0.0..=1.0).contains(&coverage) && accuracy.is_nan() == (coverage == 0.0));
        prop_assert!((0.0..=1.0).contains(&aurac(&pairs)));
        let verdicts: Vec<f64> = c.iter().map(|&c| f64::from(u8::from(c))).collect();
        let mirrored: Vec<f64> = q.iter().map(|q| -q).collect();
        let both = reversed_pairs(&q, &verdicts).unwrap() + reversed_pairs(&mirrored, &verdicts).unwrap();
        prop_assert!(both <= 0.5);
    }

    #[test]
    fn area_and_its_mirror_are_one((q, c, w) in rows()) {
        let mirrored: Vec<f64> = q.iter().map(|q| -q).collect();
        let area = |values: &[f64]| auroc(&Pairs::scores("x", values, &c, Some(&w)).unwrap());
        let sum = area(&q) + area(&mirrored);
        let expected = if area(&q).is_nan() { f64::NAN } else { 1.0 };
        prop_assert!(same(sum, expected), "{}", sum);
    }

    #[test]
    fn diagrams_hold_every_row((q, c, w) in rows(), bins in bins(), n_bins in 1..12_usize) {
        let pairs = Pairs::confidences(&q, &c, Some(&w)).unwrap();
        let d = reliability(&pairs, n_bins, bins).unwrap();
        prop_assert_eq!(d.count.iter().sum::<f64>(), pairs.total());
        prop_assert_eq!((d.edges[0], d.edges[d.edges.len() - 1]), (0.0, 1.0));
        for b in 0..d.count.len() {
            if d.count[b] > 0.0 {
                let (low, q, high) = (d.edges[b], d.mean_confidence[b], d.edges[b + 1]);
                prop_assert!(low - 1e-15 <= q && q <= high + 1e-15, "{low} {q} {high}");
                let (low, accuracy, high) = (d.low[b], d.accuracy[b], d.high[b]);
                prop_assert!(0.0 <= low && low <= accuracy && accuracy <= high && high <= 1.0);
            } else {
                prop_assert!(bins == Bins::Width && d.accuracy[b].is_nan());
            }
        }
    }

    #[test]
    fn a_platt_fit_is_stationary(rows in prop::collection::vec((-5.0..5.0_f64, any::<bool>()), 2..60), smoothing in any::<bool>()) {
        let (scores, correct): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
        let pairs = Pairs::scores("scores", &scores, &correct, None).unwrap();
        let map = fit::platt(&pairs, smoothing, Some(0.0)).unwrap();
        prop_assert!(map.slope.is_finite() && map.intercept.is_finite());
        prop_assert!(map.converged || !smoothing);
        if map.converged {
            let (high, low) = if smoothing {
                ((pairs.right() + 1.0) / (pairs.right() + 2.0), 1.0 / (pairs.wrong() + 2.0))
            } else {
                (1.0, 0.0)
            };
            let (mut g, mut gx) = (0.0, 0.0);
            for (&x, &c) in scores.iter().zip(&correct) {
                let p = 1.0 / (1.0 + (-(map.slope * x + map.intercept)).exp());
                g += p - if c { high } else { low };
                gx += (p - if c { high } else { low }) * x;
            }
            prop_assert!(g.abs() < 1e-10, "{g:e}");
            // with one class the slope is 0 by convention, and that is stationary too
            prop_assert!(gx.abs() < 1e-9, "{gx:e}");
        }
    }
}

proptest! {
    #[test]
    fn isotonic_curves_are_monotone_and_keep_the_mean((q, c, w) in rows(), increasing in any::<bool>()) {
        let pairs = Pairs::scores("scores", &q, &c, Some(&w)).unwrap();
        let curve = fit::isotonic(&pairs, Some(increasing), false);
        prop_assert!(curve.x.windows(2).all(|x| x[0] < x[1]));
        let ordered = |y: &[f64]| (y[0] <= y[1]) == increasing || y[0] == y[1];
        prop_assert!(curve.y.windows(2).all(ordered));
        let of = |q: f64| curve.y[curve.x.iter().position(|&x| x >= q).unwrap()];
        let mean: f64 = q.iter().zip(&w).map(|(&q, &w)| if w > 0.0 { w * of(q) } else { 0.0 }).sum();
        prop_assert!((mean - pairs.right()).abs() < 1e-12);
    }

    #[test]
    fn weights_repeat_rows_in_every_fit((q, c, w) in rows()) {
        let (many_q, many_c) = repeated(&q, &c, &w);
        let weighted = Pairs::confidences(&q, &c, Some(&w)).unwrap();
        let plain = Pairs::confidences(&many_q, &many_c, None).unwrap();
        for centered in [false, true] {
            let (a, b) = (fit::isotonic(&weighted, None, centered), fit::isotonic(&plain, None, centered));
            prop_assert!(a.y == b.y && a.increasing == b.increasing);
            prop_assert!(a.x.iter().zip(&b.x).all(|(a, b)| (a - b).abs() < 1e-13));
        }
        prop_assert_eq!(fit::venn_abers(&weighted, None), fit::venn_abers(&plain, None));
        let (a, b) = (fit::temperature(&weighted, 1e-6).unwrap(), fit::temperature(&plain, 1e-6).unwrap());
        prop_assert!((a.temperature / b.temperature - 1.0).abs() < 1e-9, "{a:?} {b:?}");
        for variant in [fit::Variant::Abm, fit::Variant::Am, fit::Variant::Ab] {
            let (a, b) = (fit::beta(&weighted, variant).unwrap(), fit::beta(&plain, variant).unwrap());
            prop_assert!([a.a, a.b, a.c, b.a, b.b, b.c].iter().all(|x| x.is_finite()));
            prop_assert!(a.a >= 0.0 && a.b >= 0.0 && a.converged == b.converged, "{a:?} {b:?}");
        }
        let histograms = [&weighted, &plain].map(|pairs| fit::histogram(pairs, 4, Bins::Mass, 1.0).unwrap());
        prop_assert_eq!(&histograms[0], &histograms[1]);
        let atoms = [&weighted, &plain].map(|pairs| fit::platt_atom(pairs, None, true, Some(0.0)).unwrap());
        prop_assert_eq!(atoms[0].atom, atoms[1].atom);
        prop_assert_eq!(atoms[0].atom_count, atoms[1].atom_count);
    }

    #[test]
    fn venn_abers_probabilities_enclose_one_that_rises((q, c, w) in rows(), increasing in any::<bool>()) {
        let map = fit::venn_abers(&Pairs::scores("scores", &q, &c, Some(&w)).unwrap(), Some(increasing));
        let mut at: Vec<f64> = (-1..=24).map(|i| f64::from(i) / 20.0).collect();
        if !increasing {
            at.reverse();
        }
        let [p0, p1, p] = fit::VennAbers::of(&map.x, &map.p0, &map.p1, increasing, &at).unwrap();
        prop_assert!((0..p.len()).all(|i| 0.0 <= p0[i] && p0[i] <= p[i] && p[i] <= p1[i] && p1[i] <= 1.0));
        for p in [p0, p1, p] {
            prop_assert!(p.windows(2).all(|p| p[0] <= p[1]), "{p:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))] // of some ten thousand rows each

    #[test]
    fn threads_change_no_bit((q, c, w) in rows(), seed in any::<u64>()) {
        let (q, c, w) = (q.repeat(800), c.repeat(800), w.repeat(800)); // enough rows to be shared out
        let rows = Array2::from_shape_vec((q.len() / 4, 4), q[..q.len() / 4 * 4].to_vec()).unwrap();
        let offsets: Vec<i64> = (0..=rows.nrows() as i64 / 5).map(|p| 5 * p).collect();
        let kernel = Kernel::new(Shape::Rbf, 1.0, true).unwrap();
        let groups: Vec<i64> = (0..q.len() as i64).map(|i| i % (q.len() as i64 / 2).max(1)).collect();
        let bits = |threads| pool::with_threads(Some(threads), || {
            let pairs = Pairs::confidences(&q, &c, Some(&w)).unwrap();
            let mut all = von_neumann_entropy(rows.view(), &offsets, &kernel).unwrap();
            let map = fit::platt(&pairs, true, Some(1e-5)).unwrap();
            all.extend([map.slope, map.intercept, brier(&pairs).unwrap(), auroc(&pairs)]);
            let cosines = cosine_similarity(rows.view(), &offsets, true).unwrap();
            let graphs = Squares::new("similarity", &cosines, &offsets).unwrap();
            all.extend(graph_scores(&graphs, &MEASURES, 0.9).unwrap().concat());
            all.extend(eccentricity(&graphs, 0.9).unwrap());
            all.extend(kernel_language_entropy(&graphs, GraphKernel::Heat { t: 0.3 }, true, false).unwrap());
            all.extend(cosines);
            let bootstrap = Bootstrap { replicates: 20, groups: Some(&groups), seed, level: 0.9, method: Method::Auto };
            for estimate in evaluate(&pairs, 15, Bins::Mass, Metrics::ALL, Some(&bootstrap)).unwrap() {
                all.extend([estimate.value, estimate.low, estimate.high]);
            }
            all.into_iter().map(f64::to_bits).collect::<Vec<_>>()
        }).unwrap();
        let one = bits(1);
        prop_assert_eq!(&one, &bits(2));
        prop_assert_eq!(&one, &bits(7));
    }
}

/// Log-probabilities of tokens and their relevance, both in quarters, so that they tie.
fn tokens() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    prop::collection::vec((0..=12_u8, 0..=4_u8), 1..150).prop_map(|tokens| {
        let quarter = |k: u8| f64::from(k) / 4.0;
        (tokens.iter().map(|t| 0.0 - quarter(t.0)).collect(), tokens.iter().map(|t| quarter(t.1)).collect())
    })
}

proptest! {
    #[test]
    fn scores_of_tokens_lie_between_those_of_the_least_and_the_most_probable((logs, relevance) in tokens()) {
        let ends = [0, logs.len() as i64];
        let quantiles = token_quantiles(&logs, &ends, &[0.0, 0.3, 0.7, 1.0]).unwrap();
        prop_assert!(quantiles.is_sorted());
        let mean = sequence_logprobs(&logs, &ends, true).unwrap()[0];
        let sum = sequence_logprobs(&logs, &ends, false).unwrap()[0];
        prop_assert!(quantiles[0] - 1e-12 <= mean && mean <= quantiles[3] + 1e-12);
        prop_assert!((sum - mean * logs.len() as f64).abs() < 1e-9);
        let weighed = 0.0 - token_sar(&logs, &relevance, &ends).unwrap()[0];
        prop_assert!(quantiles[0] - 1e-12 <= weighed && weighed <= quantiles[3] + 1e-12);
        let even = token_sar(&logs, &vec![0.5; logs.len()], &ends).unwrap()[0];
        prop_assert!((even + mean).abs() < 1e-12);
    }

    #[test]
    fn tokens_measure_within_their_bounds_whatever_their_order(
        weights in prop::collection::vec(1..=20_u8, 2..8), listed in 0.1..1.0_f64, temperature in 0.5..3.0_f64,
    ) {
        let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
        let logs: Vec<f64> = weights.iter().map(|&w| (f64::from(w) / total * listed).ln()).collect();
        let mut turned = logs.clone();
        turned.reverse();
        let of = |logs: &[f64], measure, tail| {
            let row = Array2::from_shape_vec((1, logs.len()), logs.to_vec()).unwrap();
            token_measure(row.view(), &[0, 1], measure, tail, temperature, Reduce::Mean).unwrap()[0]
        };
        for tail in [Tail::Renorm, Tail::Atom, Tail::Uniform(30)] {
            let size = match tail {
                Tail::Renorm => logs.len() as f64,
                Tail::Atom => logs.len() as f64 + 1.0,
                Tail::Uniform(size) => size as f64,
            };
            let bounds = [
                (TokenMeasure::Entropy, size.ln()),
                (TokenMeasure::Margin, 1.0),
                (TokenMeasure::SelfCertainty, f64::MAX),
                (TokenMeasure::Renyi(0.5), size.ln()),
                (TokenMeasure::Renyi(1.0), size.ln()),
                (TokenMeasure::Renyi(2.0), size.ln()),
                (TokenMeasure::FisherRao, 1.0),
            ];
            for (measure, most) in bounds {
                let value = of(&logs, measure, tail);
                prop_assert!((0.0..=most + 1e-9).contains(&value), "{measure:?} {tail:?}: {value}");
                prop_assert!((of(&turned, measure, tail) - value).abs() < 1e-7);
            }
            let orders = [0.5, 1.0, 2.0].map(|alpha| of(&logs, TokenMeasure::Renyi(alpha), tail));
            prop_assert!(orders[0] <= orders[1] + 1e-9 && orders[1] <= orders[2] + 1e-9, "{orders:?}");
            let entropy = of(&logs, TokenMeasure::Entropy, tail);
            prop_assert!((entropy + orders[1] - size.ln()).abs() < 1e-9);
        }
    }

    #[test]
    fn sequences_that_are_liked_more_surprise_less(a in similarity(), t in 0.001..2.0_f64) {
        let logs: Vec<f64> = (0..a.nrows()).map(|i| -1.0 - 0.25 * i as f64).collect();
        let of = |a: &Array2<f64>| squares(a, |a| sentence_sar(&logs, a, t).unwrap()[0]);
        let score = of(&a);
        prop_assert!(of(&a.mapv(|x| x / 2.0)) >= score - 1e-12);
        let alone = 0.0 - logs.iter().sum::<f64>() / logs.len() as f64;
        prop_assert!(score <= alone + 1e-12);
        prop_assert!((of(&Array2::eye(a.nrows())) - alone).abs() < 1e-12);
    }

    #[test]
    fn density_lies_between_that_of_the_farthest_and_the_nearest_sample((n, entail, contra) in judgements()) {
        let logs: Vec<f64> = (0..n).map(|i| -0.5 * i as f64).collect();
        let (e, c) = (&entail[..n], &contra[..n]);
        let near: Vec<f64> = e.iter().zip(c).map(|(e, c)| f64::midpoint(1.0, e - c)).collect();
        let density = semantic_density(&logs, e, c, None, &[0, n as i64]).unwrap()[0];
        let (low, high) = near.iter().fold((1.0_f64, 0.0_f64), |(a, b), &x| (a.min(x), b.max(x)));
        prop_assert!(low - 1e-12 <= density && density <= high + 1e-12);
        let with = semantic_density(&logs, e, c, Some(&[-0.1]), &[0, n as i64]).unwrap()[0];
        prop_assert!(with >= density - 1e-12);
    }
}
