//! The weights as they lie in the package: `weights.npz`.

use std::path::Path;

use candle_core::npy::NpzTensors;
use candle_core::{DType, Tensor};
use ndarray::{Array1, Array2, Axis, concatenate};

/// Into so many blocks the rows of the table of pieces are dealt, row by row; each has a scale of its own.
pub(super) const BLOCKS: usize = 17;

/// The orders of n-grams, one for each branch, and how many pieces left of its own an n-gram begins.
pub(super) const ORDERS: [(usize, usize); 3] = [(2, 0), (3, 1), (5, 2)];

/// Everything that was learnt.
pub(super) struct Weights {
    /// A row of bytes for each piece.
    pub(super) table: Array2<u8>,
    /// What a byte stands for: `byte * scale + low`, by block.
    pub(super) scale: Vec<f32>,
    pub(super) low: Vec<f32>,
    pub(super) projection: Dense,
    pub(super) projection_norm: Norm,
    pub(super) branches: Vec<[Dense; 2]>,
    pub(super) norm: Norm,
    pub(super) output: Dense,
    /// `d0 d1 d2 d3 p1 p3`.
    pub(super) dense: [Array2<f32>; 6],
    pub(super) epsilon: f32,
}

/// A matrix and what is added.
pub(super) struct Dense {
    pub(super) weight: Array2<f32>,
    pub(super) bias: Array1<f32>,
}

/// What a normalised row is multiplied with, and what is added.
pub(super) struct Norm {
    pub(super) gain: Array1<f32>,
    pub(super) bias: Array1<f32>,
}

/// Reads the file; the error says what is wrong with it.
pub(super) fn read(file: &Path) -> Result<Weights, String> {
    let file = File(NpzTensors::new(file).map_err(|error| error.to_string())?);
    let projections = ORDERS.map(|(order, _)| file.matrix(&format!("proj{order}")));
    let [two, three, five] = projections;
    let (two, three, five) = (two?, three?, five?);
    let weight = concatenate(Axis(1), &[two.view(), three.view(), five.view()]).map_err(|error| error.to_string())?;
    let branch = |(order, _): (usize, usize)| -> Result<[Dense; 2], String> {
        Ok([
            file.dense(&format!("w1_{order}"), &format!("b1_{order}"))?,
            file.dense(&format!("w2_{order}"), &format!("b2_{order}"))?,
        ])
    };
    let dense = ["d0", "d1", "d2", "d3", "p1", "p3"].map(|name| file.matrix(name));
    let [d0, d1, d2, d3, p1, p3] = dense;
    Ok(Weights {
        table: table(&file)?,
        scale: file.numbers("scale")?,
        low: file.numbers("lo")?,
        projection: Dense { weight, bias: file.of_orders("proj_b")? },
        projection_norm: Norm { gain: file.of_orders("ln_g")?, bias: file.of_orders("ln_b")? },
        branches: ORDERS.into_iter().map(branch).collect::<Result<_, _>>()?,
        norm: Norm { gain: file.numbers("ln_g")?.into(), bias: file.numbers("ln_b")?.into() },
        output: file.dense("cnn_W", "cnn_b")?,
        dense: [d0?, d1?, d2?, d3?, p1?, p3?],
        epsilon: file.numbers("eps")?.first().copied().ok_or("`eps` is empty")?,
    })
}

/// The table of pieces: its rows are dealt into the blocks as cards are.
fn table(file: &File) -> Result<Array2<u8>, String> {
    let mut table: Option<Array2<u8>> = None;
    for block in 0..BLOCKS {
        let tensor = file.tensor(&format!("q{}", block + 1))?;
        let (rows, columns) = tensor.dims2().map_err(|error| error.to_string())?;
        let bytes: Vec<u8> =
            tensor.flatten_all().and_then(|bytes| bytes.to_vec1()).map_err(|error| error.to_string())?;
        let table = table.get_or_insert_with(|| Array2::zeros((rows * BLOCKS, columns)));
        for (row, bytes) in bytes.chunks_exact(columns).enumerate() {
            let target = table.row_mut(row * BLOCKS + block);
            target.into_slice().ok_or("the table has rows")?.copy_from_slice(bytes);
        }
    }
    table.ok_or_else(|| "there is no table of pieces".to_owned())
}

struct File(NpzTensors);

impl File {
    fn tensor(&self, name: &str) -> Result<Tensor, String> {
        let tensor = self.0.get(name).map_err(|error| error.to_string())?;
        tensor.ok_or_else(|| format!("it has no `{name}`"))
    }

    fn numbers(&self, name: &str) -> Result<Vec<f32>, String> {
        let tensor = self.tensor(name)?.to_dtype(DType::F32).and_then(|tensor| tensor.flatten_all());
        tensor.and_then(|tensor| tensor.to_vec1()).map_err(|error| error.to_string())
    }

    /// The numbers of all orders behind one another.
    fn of_orders(&self, name: &str) -> Result<Array1<f32>, String> {
        let parts: Result<Vec<Vec<f32>>, String> =
            ORDERS.iter().map(|(order, _)| self.numbers(&format!("{name}{order}"))).collect();
        Ok(parts?.concat().into())
    }

    fn matrix(&self, name: &str) -> Result<Array2<f32>, String> {
        let shape = self.tensor(name)?.dims2().map_err(|error| error.to_string())?;
        Array2::from_shape_vec(shape, self.numbers(name)?).map_err(|error| error.to_string())
    }

    fn dense(&self, weight: &str, bias: &str) -> Result<Dense, String> {
        Ok(Dense { weight: self.matrix(weight)?, bias: self.numbers(bias)?.into() })
    }
}
