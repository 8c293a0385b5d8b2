//! A Russian word as letters of today's alphabet, with its marks of stress.

/// Letters of a word that are looked at, from its end: more than the longest dactylic rhyme and its stress need.
pub(super) const LETTERS_MAX: usize = 32;

/// The last letters of a word, with what its writer says of the stress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letters {
    letters: [char; LETTERS_MAX],
    len: usize,
    /// The stressed letter, where a mark or `ё` says it.
    pub(super) stressed: Option<usize>,
    /// Where the last word begins that can bear a stress: of `баня я` the first.
    pub(super) bearer: (usize, usize),
}

impl Letters {
    /// Letters of before 1918 are read as those of today; what is no Russian letter is left out.
    pub(super) fn of(word: &str) -> Letters {
        let mut of = Letters { letters: ['\0'; LETTERS_MAX], len: 0, stressed: None, bearer: (0, 0) };
        let mut acute = None;
        let mut yo = None;
        let mut start = 0;
        for c in tail(word).chars() {
            match c {
                '\u{301}' => acute = of.len.checked_sub(1),
                ' ' | '-' | '\u{2011}' => of.end_word(&mut start, c == ' '),
                _ => {
                    if let Some(letter) = modern(c) {
                        if letter == 'ё' {
                            yo = Some(of.len);
                        }
                        of.push(letter);
                    }
                }
            }
        }
        of.end_word(&mut start, true);
        of.stressed = acute.or(yo);
        of
    }

    pub(super) fn as_slice(&self) -> &[char] {
        self.letters.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, letter: char) {
        if let Some(place) = self.letters.get_mut(self.len) {
            *place = letter;
            self.len += 1;
        }
    }

    /// A `ъ` at the end of a word is silent. A word of one syllable after a space leans on the word before, if it is a
    /// particle, a pronoun or a preposition.
    fn end_word(&mut self, start: &mut usize, spaced: bool) {
        if self.len > *start && self.as_slice().last() == Some(&'ъ') {
            self.len -= 1;
        }
        let word: &[char] = self.as_slice().get(*start..).unwrap_or_default();
        let leans = *start > 0 && CLITICS.iter().any(|clitic| clitic.chars().eq(word.iter().copied()));
        if spaced && !word.is_empty() && !leans {
            self.bearer = (*start, self.len);
        }
        if spaced {
            *start = self.len;
        }
    }
}

/// Words that bear no stress of their own after another.
const CLITICS: &[&str] = &[
    "а", "б", "бы", "в", "во", "вы", "да", "для", "до", "ж", "же", "за", "и", "из", "их", "к", "как", "ко", "ли", "ль",
    "мне", "мы", "на", "над", "не", "ни", "но", "о", "об", "он", "от", "по", "под", "с", "со", "так", "то", "ты", "у",
    "что", "я", "нас", "вас", "нам", "вам", "мой", "твой", "ей", "им", "их", "ту", "та",
];

/// At most the last [`LETTERS_MAX`] characters.
fn tail(word: &str) -> &str {
    let start = word.char_indices().rev().take(LETTERS_MAX).last().map_or(0, |(at, _)| at);
    word.get(start..).unwrap_or(word)
}

/// The letter of today; none for what is no letter of Russian.
fn modern(c: char) -> Option<char> {
    let letter = match c {
        'ѣ' | 'є' => 'е',
        'і' | 'ѵ' | 'ї' | '\u{45d}' => 'и',
        'ѳ' => 'ф',
        '\u{450}' => 'е',
        'А'..='Я' => char::from_u32(u32::from(c) + 32)?,
        'Ё' => 'ё',
        'Ѣ' => 'е',
        'І' => 'и',
        'а'..='я' | 'ё' => c,
        _ => return None,
    };
    Some(letter)
}

pub(super) fn is_vowel(letter: char) -> bool {
    matches!(letter, 'а' | 'е' | 'ё' | 'и' | 'о' | 'у' | 'ы' | 'э' | 'ю' | 'я')
}
