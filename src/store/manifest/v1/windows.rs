//! Windows over events on disk.

use serde::{Deserialize, Serialize};

use crate::store::manifest::{WindowPin, WindowsPin};

#[derive(Serialize, Deserialize)]
pub(super) struct Windows {
    source: String,
    columns: Vec<Window>,
}

#[derive(Serialize, Deserialize)]
struct Window {
    name: String,
    function: String,
    column: Option<String>,
    length_seconds: Option<u64>,
}

impl From<WindowsPin> for Windows {
    fn from(pin: WindowsPin) -> Self {
        let WindowsPin { source, columns } = pin;
        Self { source, columns: columns.into_iter().map(Into::into).collect() }
    }
}

impl From<Windows> for WindowsPin {
    fn from(windows: Windows) -> Self {
        let Windows { source, columns } = windows;
        Self { source, columns: columns.into_iter().map(Into::into).collect() }
    }
}

impl From<WindowPin> for Window {
    fn from(pin: WindowPin) -> Self {
        let WindowPin { name, function, column, length_seconds } = pin;
        Self { name, function, column, length_seconds }
    }
}

impl From<Window> for WindowPin {
    fn from(window: Window) -> Self {
        let Window { name, function, column, length_seconds } = window;
        Self { name, function, column, length_seconds }
    }
}
