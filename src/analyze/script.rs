//! The script of a word, which tells which language's list it is looked up in.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Cyrillic,
    Other,
}

impl Script {
    pub(super) fn of_letter(letter: char) -> Self {
        match letter {
            'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' => Self::Latin,
            '\u{400}'..='\u{52f}' => Self::Cyrillic,
            _ => Self::Other,
        }
    }

    /// That of its first letter.
    pub(super) fn of_word(word: &str) -> Self {
        word.chars().next().map_or(Self::Other, Self::of_letter)
    }
}
