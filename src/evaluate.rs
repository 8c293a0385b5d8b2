//! The product measures itself on gold: texts whose analysis is known.
//!
//! Every learnt constant is refitted without the author that is judged, so that a figure is one for texts that nobody
//! has seen.

mod agreement;
mod bootstrap;
mod counts;
pub mod emotion;
mod fit;
mod gold;
pub mod rap;
pub mod retrieval;
pub mod rhyme;
pub mod rhyme_russian;
mod schemes;
pub mod structure;

pub use agreement::Agreement;
pub use bootstrap::Interval;
pub use counts::Counts;
pub use gold::{GoldError, read_fragments, read_poems, read_rhymes, read_sentiments, read_songs, read_verses};
pub use schemes::{Figures as SchemeFigures, Score};
