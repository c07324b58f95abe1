//! Rows in the order of their values, cut into blocks, and what a resample of them measures: drawn and summed block by
//! block, in the nearest cache.

use std::ops::Range;

use crate::bins::Grid;
use crate::bootstrap::{BLOCK, Rng, draw_of_block, draws_of_blocks};
use crate::simd::{Isa, Kernel, Simd};
use crate::ties::Ties;

/// Parts of a block that are summed side by side, each of rows that follow each other.
const SIDE: usize = 16;

/// What is drawn.
#[derive(Clone, Copy)]
pub(crate) enum Plan {
    /// As many rows as there are, with replacement.
    Draw(Rng),
    /// Every row once, but for those of one of several random parts.
    Without { rng: Rng, part: usize, parts: usize },
}

/// Rows that weigh the same, sorted by value, then verdict.
pub(crate) struct Blocks {
    len: usize,
    blocks: Vec<Block>,
}

#[derive(Default)]
struct Block {
    rows: usize,
    /// Rows of each of the parts side by side, 2^shift: row r lies at `r % 2^shift * SIDE + r / 2^shift`.
    shift: u32,
    /// Confidence less verdict; 0 where there is no row.
    gaps: Vec<f64>,
    /// All bits for a right row, none for a wrong one.
    right: Vec<u16>,
    /// Rows at which another bin begins.
    bins: Vec<usize>,
    /// Values that some rows are right at and some wrong: where they begin, the first right row, where they end, and
    /// whether no row of the next block has that value too.
    ties: Vec<(usize, usize, usize, bool)>,
}

impl Block {
    fn place(&self, row: usize) -> usize {
        (row & ((1 << self.shift) - 1)) * SIDE + (row >> self.shift)
    }

    fn sum(&self, counts: &[u16], rows: Range<usize>) -> u64 {
        rows.map(|row| u64::from(counts[self.place(row)])).sum()
    }

    fn gap(&self, counts: &[u16], rows: Range<usize>) -> f64 {
        rows.map(|row| self.place(row)).map(|place| f64::from(counts[place]) * self.gaps[place]).sum()
    }
}

impl Blocks {
    /// Of rows whose weights count them, with so many bins of equal width.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // weights are numbers of rows
    pub fn new(ties: &Ties, n_bins: usize) -> Self {
        let len = ties.iter().map(|(_, right, wrong)| (right + wrong) as usize).sum::<usize>();
        let mut blocks: Vec<Block> = (0..len)
            .step_by(BLOCK)
            .map(|start| {
                let rows = BLOCK.min(len - start);
                let steps = rows.div_ceil(SIDE).next_power_of_two();
                let (gaps, right) = (vec![0.0; steps * SIDE], vec![0; steps * SIDE]);
                Block { rows, shift: steps.trailing_zeros(), gaps, right, ..Block::default() }
            })
            .collect();
        let grid = Grid::new(n_bins);
        let (mut row, mut last_bin) = (0, None);
        for (value, right, wrong) in ties.iter() {
            let (start, middle) = (row, row + wrong as usize);
            let end = middle + right as usize;
            let bin = grid.right(value);
            if last_bin.is_some_and(|last| last != bin) {
                blocks[start / BLOCK].bins.push(start % BLOCK);
            }
            last_bin = Some(bin);
            while row < end {
                let block = &mut blocks[row / BLOCK];
                let first = row / BLOCK * BLOCK;
                let stop = end.min(first + BLOCK);
                if start < middle && middle < end {
                    let inside = |row: usize| row.clamp(first, stop) - first;
                    block.ties.push((inside(start), inside(middle), inside(end), stop == end));
                }
                while row < stop {
                    let place = block.place(row - first);
                    block.gaps[place] = if row < middle { value } else { value - 1.0 };
                    block.right[place] = if row < middle { 0 } else { u16::MAX };
                    row += 1;
                }
            }
        }
        Self { len, blocks }
    }

    /// What each plan measures; the counts of all rows, in order, too where `rows` holds one place for each of them.
    pub fn measure(&self, plans: &[Plan], mut rows: Option<&mut [u32]>) -> Vec<Found> {
        // whatever is wrong with the choice has been said before
        let isa = Isa::chosen().unwrap_or(Isa::Portable);
        let mut counts = vec![0_u16; BLOCK];
        let mut found = vec![Found::default(); plans.len()];
        let times: Vec<Vec<u64>> = plans
            .iter()
            .map(|plan| match *plan {
                Plan::Draw(rng) => draws_of_blocks(rng, self.len),
                Plan::Without { .. } => Vec::new(),
            })
            .collect();
        for (b, block) in self.blocks.iter().enumerate() {
            let counts = &mut counts[..block.gaps.len()];
            for ((plan, times), found) in plans.iter().zip(&times).zip(&mut found) {
                counts.fill(0);
                match *plan {
                    // a block is drawn from 4096 times or so: never nearly so often that counts overflow
                    Plan::Draw(rng) if block.rows == BLOCK => {
                        draw_of_block(rng, b, BLOCK, times[b], |place| counts[place] += 1);
                    }
                    Plan::Draw(rng) => {
                        draw_of_block(rng, b, block.rows, times[b], |row| counts[block.place(row)] += 1);
                    }
                    Plan::Without { rng, part, parts } => {
                        for row in 0..block.rows {
                            let here = rng.below((b * BLOCK + row) as u64, parts);
                            counts[block.place(row)] = u16::from(here != part);
                        }
                    }
                }
                found.take(block, counts, &isa.run(Look { block, counts }));
                if let Some(rows) = &mut rows {
                    for (row, count) in rows[b * BLOCK..][..block.rows].iter_mut().enumerate() {
                        *count = u32::from(counts[block.place(row)]);
                    }
                }
            }
        }
        found.iter_mut().for_each(Found::end_bin);
        found
    }
}

/// What has been measured of a resample.
#[derive(Clone, Default)]
pub(crate) struct Found {
    right: u64,
    wrong: u64,
    /// Pairs of a right row and a wrong one before it.
    won: u64,
    /// Pairs of a right and a wrong row of one value.
    tied: u64,
    tie: (u64, u64),
    gap: f64,
    squares: f64,
    bin: f64,
    bins: f64,
}

impl Found {
    fn take(&mut self, block: &Block, counts: &[u16], sums: &Sums) {
        for lane in 0..SIDE {
            let right = u64::from(sums.right[lane]);
            self.won += u64::from(sums.won[lane]) + right * self.wrong;
            self.right += right;
            self.wrong += u64::from(sums.wrong[lane]);
        }
        let gap = sums.gap.iter().sum::<f64>();
        self.gap += gap;
        self.squares += sums.squares.iter().sum::<f64>();
        if block.bins.is_empty() {
            self.bin += gap;
        } else {
            let mut row = 0;
            for &edge in &block.bins {
                self.bin += block.gap(counts, row..edge);
                self.end_bin();
                row = edge;
            }
            self.bin += block.gap(counts, row..block.rows);
        }
        for &(start, middle, end, ends) in &block.ties {
            self.tie.0 += block.sum(counts, start..middle);
            self.tie.1 += block.sum(counts, middle..end);
            if ends {
                self.tied += self.tie.0 * self.tie.1;
                self.tie = (0, 0);
            }
        }
    }

    fn end_bin(&mut self) {
        self.bins += self.bin.abs();
        self.bin = 0.0;
    }

    pub fn rows(&self) -> (f64, f64) {
        (self.right as f64, self.wrong as f64)
    }

    pub fn ece(&self) -> f64 {
        self.bins / (self.right + self.wrong) as f64
    }

    pub fn signed_gap(&self) -> f64 {
        self.gap / (self.right + self.wrong) as f64
    }

    pub fn brier(&self) -> f64 {
        self.squares / (self.right + self.wrong) as f64
    }

    /// NaN for rows of one class.
    pub fn auroc(&self) -> f64 {
        (2 * self.won - self.tied) as f64 / (2.0 * self.right as f64 * self.wrong as f64)
    }
}

/// The sums of each of the parts side by side.
struct Sums {
    right: [u32; SIDE],
    wrong: [u32; SIDE],
    /// Pairs of a right row and a wrong one before it in the same part: fewer than 2^30, as a block is drawn from fewer
    /// than 2^16 times.
    won: [u32; SIDE],
    gap: [f64; SIDE],
    squares: [f64; SIDE],
}

/// Plain loops, which the compiler turns into the vectors of each instruction set.
struct Look<'a> {
    block: &'a Block,
    counts: &'a [u16],
}

impl Kernel for Look<'_> {
    type Output = Sums;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Sums {
        let (mut right, mut wrong, mut won) = ([0; SIDE], [0; SIDE], [0; SIDE]);
        let (mut gap, mut squares) = ([0.0; SIDE], [0.0; SIDE]);
        let rows = self.counts.chunks_exact(SIDE).zip(self.block.right.chunks_exact(SIDE));
        for ((counts, rights), gaps) in rows.zip(self.block.gaps.chunks_exact(SIDE)) {
            for i in 0..SIDE {
                let here = u32::from(counts[i] & rights[i]);
                won[i] += here * wrong[i];
                right[i] += here;
                wrong[i] += u32::from(counts[i] & !rights[i]);
                let off = f64::from(counts[i]) * gaps[i];
                gap[i] += off;
                squares[i] += off * gaps[i];
            }
        }
        Sums { right, wrong, won, gap, squares }
    }
}
