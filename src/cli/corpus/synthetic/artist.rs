//! Invented artists: who wrote a track, when, in which book and in which genre.

use super::draw::Draws;
use super::vocabulary::{Vocabulary, Word};

/// What the row of a track takes from its artist. The same artist is born in the same year wherever it occurs, and the
/// same book is of the same year.
pub struct Credits {
    pub artist: String,
    pub book: String,
    pub year: u32,
    pub year_source: Word,
    pub genre: Word,
}

const GENRES: &[Word] = &["rap", "pop", "folk", "rock", "ballad", "hymn"];

/// An artist leaves its genre for any of all with this rate.
const OTHER_GENRE_PER_MILLE: u32 = 200;

const BOOKS_PER_ARTIST: u32 = 3;

/// A book whose year is not known gets the artist's birth + 40, and says so.
const ESTIMATED_YEAR_PER_MILLE: u32 = 400;

const BORN: (u32, u32) = (1780, 1960);
const AGE_AT_PUBLICATION: (u32, u32) = (18, 62);

pub fn credits(seed: u64, vocabulary: &Vocabulary, draws: &mut Draws) -> Credits {
    let names = (vocabulary.first_names.len() * vocabulary.family_names.len()) as u32;
    let number = draws.skewed_below(names);
    let book = number * BOOKS_PER_ARTIST + draws.skewed_below(BOOKS_PER_ARTIST);
    let other_genre = draws.per_mille(OTHER_GENRE_PER_MILLE).then(|| *draws.pick(GENRES));

    let mut of_artist = Draws::new(seed, &format!("artist {}", vocabulary.language), u64::from(number));
    let (earliest, latest) = BORN;
    let born = of_artist.between(earliest, latest);
    let genre = *of_artist.pick(GENRES);

    let mut of_book = Draws::new(seed, &format!("book {}", vocabulary.language), u64::from(book));
    let (youngest, oldest) = AGE_AT_PUBLICATION;
    let (age, year_source) = if of_book.per_mille(ESTIMATED_YEAR_PER_MILLE) {
        (40, "author_birth+40")
    } else {
        (of_book.between(youngest, oldest), "book_pub_date")
    };
    Credits {
        artist: name(vocabulary, number as usize),
        book: vocabulary.called(&vocabulary.books, &mut of_book),
        year: born + age,
        year_source,
        genre: other_genre.unwrap_or(genre),
    }
}

/// No two numbers have the same name.
fn name(vocabulary: &Vocabulary, number: usize) -> String {
    let firsts = &vocabulary.first_names;
    let first = number % firsts.len();
    let ending = if first % 2 == 1 { vocabulary.feminine_ending } else { "" };
    format!("{} {}{ending}", firsts[first], vocabulary.family_names[number / firsts.len()])
}
