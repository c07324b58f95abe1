//! What can be wrong with an input. Every message begins with the name of the argument.

use thiserror::Error;

/// The result of a kernel.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong, and the first place where it is.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// Offsets need one entry more than there are groups.
    #[error("offsets: empty, needs at least the entry 0")]
    NoOffsets,
    /// The first group starts at row 0.
    #[error("offsets: must start with 0, not {first}")]
    OffsetsStart {
        /// The first entry.
        first: i64,
    },
    /// The last group ends with the last row.
    #[error("offsets: must end with the number of rows, {rows}, not {last}")]
    OffsetsEnd {
        /// The last entry.
        last: i64,
        /// The number of rows.
        rows: usize,
    },
    /// Offsets never fall.
    #[error("offsets: group {group} ends at {end}, before its start {start}")]
    OffsetsFall {
        /// The first group that does.
        group: usize,
        /// Where it starts.
        start: i64,
        /// Where it ends.
        end: i64,
    },
    /// A group without rows has no distribution.
    #[error("offsets: group {group} is empty")]
    EmptyGroup {
        /// The first empty group.
        group: usize,
    },
    /// Rows without columns have no direction.
    #[error("embeddings: rows have no columns")]
    NoColumns,
    /// A row of embeddings with NaN or infinity.
    #[error("embeddings: row {row} (in group {group}) is not finite")]
    NotFinite {
        /// The first such row.
        row: usize,
        /// Its group.
        group: usize,
    },
    /// Raw rows too small or too large for the kernel.
    #[error("embeddings: the kernel matrix of group {group} has trace {trace:?}; rescale the rows or normalize them")]
    Trace {
        /// The first such group.
        group: usize,
        /// Zero, infinite or NaN.
        trace: f64,
    },
    /// The kernel matrix does not fit into memory.
    #[error("embeddings: group {group} has {rows} distinct rows, too many for a kernel matrix in memory")]
    Memory {
        /// The first such group.
        group: usize,
        /// Its distinct rows.
        rows: usize,
    },
    /// The cosines of every two rows do not fit into memory.
    #[error("embeddings: group {group} has {rows} rows, too many for a matrix of their cosines in memory")]
    TooManyRows {
        /// The first such group.
        group: usize,
        /// Its rows.
        rows: usize,
    },
    /// The kernel matrix has an eigenvalue that rounding does not explain.
    #[error("embeddings: the kernel matrix of group {group} has the negative eigenvalue {value:?}")]
    NotPositive {
        /// The first such group.
        group: usize,
        /// The most negative eigenvalue at unit trace.
        value: f64,
    },
    /// Bytes that are no text.
    #[error("texts: row {row} is not valid UTF-8")]
    NotUtf8 {
        /// The first such text.
        row: usize,
    },
    /// A text ends where it cannot.
    #[error("texts: row {row} ends at byte {end}, before its start or after the last byte")]
    TextEnd {
        /// The first such text.
        row: usize,
        /// Where it ends.
        end: i64,
    },
    /// More text in one group than its tokens can be numbered for.
    #[error("texts: group {group} has {bytes} bytes, must be fewer than 4294967296")]
    TextSize {
        /// The first such group.
        group: usize,
        /// Its bytes.
        bytes: usize,
    },
    /// The similarity matrices do not fit into memory.
    #[error("texts: their similarity matrices have {entries} entries, too many for memory")]
    Entries {
        /// The entries of all matrices.
        entries: usize,
    },
    /// Two arguments that go row by row differ in length.
    #[error("{name}: has {len} rows, {expected} expected")]
    Length {
        /// The argument.
        name: &'static str,
        /// Its length.
        len: usize,
        /// The length of the first argument.
        expected: usize,
    },
    /// There is nothing to average.
    #[error("{name}: empty, needs at least one row")]
    NoRows {
        /// The argument.
        name: &'static str,
    },
    /// A value of one row is not allowed.
    #[error("{name}: row {row} is {value:?}, must be {needed}")]
    Value {
        /// The argument.
        name: &'static str,
        /// The first such row.
        row: usize,
        /// What is there.
        value: f64,
        /// What may be there.
        needed: &'static str,
    },
    /// An entry of one group's matrix is not allowed.
    #[error("{name}: entry ({row}, {column}) of group {group} is {value:?}, must be {needed}")]
    Entry {
        /// The argument.
        name: &'static str,
        /// The first such group.
        group: usize,
        /// The row inside the group.
        row: usize,
        /// The column inside the group.
        column: usize,
        /// What is there.
        value: f64,
        /// What may be there.
        needed: &'static str,
    },
    /// A row of one group's matrix has no degree.
    #[error("{name}: row {row} of group {group}, symmetrised, sums to {sum:?}, must be above 0")]
    RowSum {
        /// The argument.
        name: &'static str,
        /// The first such group.
        group: usize,
        /// The row inside the group.
        row: usize,
        /// The sum of half the row and half the column.
        sum: f64,
    },
    /// The number of a cluster is not allowed.
    #[error("clusters: row {row} is {id}, must be at least 0")]
    Id {
        /// The first such row.
        row: usize,
        /// What is there.
        id: i64,
    },
    /// All weights are zero, or their sum is out of range.
    #[error("weights: their sum is {sum:?}, must lie between 1e-100 and 1e100")]
    WeightSum {
        /// The sum.
        sum: f64,
    },
    /// A setting that is not allowed.
    #[error("{name}: is {value}, must be {needed}")]
    Setting {
        /// The argument.
        name: &'static str,
        /// What was given.
        value: String,
        /// What may be given.
        needed: &'static str,
    },
    /// Two settings that exclude each other.
    #[error("{0}")]
    Conflict(&'static str),
}

impl Error {
    pub(crate) fn setting(name: &'static str, value: impl std::fmt::Debug, needed: &'static str) -> Self {
        Self::Setting { name, value: format!("{value:?}"), needed }
    }
}
