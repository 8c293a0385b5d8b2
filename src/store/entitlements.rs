//! What a caller may read.

/// What a caller may read. Closed by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Entitlements {
    restricted: bool,
}

impl Entitlements {
    /// Open features and columns only.
    pub const OPEN: Entitlements = Entitlements { restricted: false };

    /// Everything: the operator at the command line.
    pub const ALL: Entitlements = Entitlements { restricted: true };

    /// Whether it is everything.
    pub fn has_restricted(&self) -> bool {
        self.restricted
    }

    /// Whether a value is readable.
    pub fn may_read(&self, restricted: bool) -> bool {
        self.restricted || !restricted
    }
}
