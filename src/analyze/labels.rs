//! Labels of sections as people write them: `[Chorus]`, `(Hook)`, `Verse 2:`, `Припев:`, `[Куплет 1: Имя]`.

/// What a section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Verse,
    Chorus,
    PreChorus,
    Refrain,
    Hook,
    Bridge,
    Intro,
    Outro,
    /// Labelled, as nothing of the above: `[Solo]`.
    Other,
}

/// Words that a label begins with, in both languages.
const WORDS: &[(&str, Kind)] = &[
    ("pre-chorus", Kind::PreChorus),
    ("prechorus", Kind::PreChorus),
    ("pre chorus", Kind::PreChorus),
    ("verse", Kind::Verse),
    ("stanza", Kind::Verse),
    ("chorus", Kind::Chorus),
    ("refrain", Kind::Refrain),
    ("hook", Kind::Hook),
    ("bridge", Kind::Bridge),
    ("middle eight", Kind::Bridge),
    ("intro", Kind::Intro),
    ("outro", Kind::Outro),
    ("coda", Kind::Outro),
    ("предприпев", Kind::PreChorus),
    ("пре-припев", Kind::PreChorus),
    ("куплет", Kind::Verse),
    ("припев", Kind::Chorus),
    ("рефрен", Kind::Refrain),
    ("хук", Kind::Hook),
    ("бридж", Kind::Bridge),
    ("мост", Kind::Bridge),
    ("проигрыш", Kind::Other),
    ("вступление", Kind::Intro),
    ("интро", Kind::Intro),
    ("кода", Kind::Outro),
    ("аутро", Kind::Outro),
];

/// Characters of the longest label.
const LABEL_CHARS_MAX: usize = 60;

impl Kind {
    /// Whether it is one of those that come again: a chorus, under whatever name.
    pub(in crate::analyze) fn is_sung_again(self) -> bool {
        matches!(self, Self::Chorus | Self::Refrain | Self::Hook)
    }

    /// As it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verse => "verse",
            Self::Chorus => "chorus",
            Self::PreChorus => "pre_chorus",
            Self::Refrain => "refrain",
            Self::Hook => "hook",
            Self::Bridge => "bridge",
            Self::Intro => "intro",
            Self::Outro => "outro",
            Self::Other => "other",
        }
    }

    /// One letter, for the form of a text: `VCVCBC`.
    pub fn letter(self) -> char {
        match self {
            Self::Verse => 'V',
            Self::Chorus => 'C',
            Self::PreChorus => 'P',
            Self::Refrain => 'R',
            Self::Hook => 'H',
            Self::Bridge => 'B',
            Self::Intro => 'I',
            Self::Outro => 'O',
            Self::Other => 'X',
        }
    }
}

/// The label that a line is; none for a line of verse.
pub(super) fn label(line: &str) -> Option<Kind> {
    let line = line.trim();
    if line.chars().nth(LABEL_CHARS_MAX).is_some() {
        return None;
    }
    let bracketed = [('[', ']'), ('(', ')'), ('{', '}')].into_iter().find_map(|(open, close)| {
        let inner = line.strip_prefix(open)?.trim_end_matches(':').strip_suffix(close)?;
        (!inner.contains([open, close])).then_some((inner, open))
    });
    let (text, is_square) = match bracketed {
        Some((inner, open)) => (inner, open == '['),
        None if !ends_as_label(line) => return None,
        None => (line, false),
    };
    let folded = text.trim().to_lowercase();
    let known = WORDS.iter().find_map(|(word, kind)| Some((*kind, folded.strip_prefix(word)?)));
    match known {
        // `Verse 2`, `Chorus: Name`, `Hook x2`; a bare word needs its colon, since verse may begin with it.
        Some((kind, rest)) if bracketed.is_some() && !rest.starts_with(char::is_alphabetic) => Some(kind),
        Some((kind, rest)) if is_numbered(rest) => Some(kind),
        _ if is_square && !folded.is_empty() => Some(Kind::Other),
        _ => None,
    }
}

/// Whether a line ends as every label without brackets does: in a colon or a number. Asked first, since few lines do.
fn ends_as_label(line: &str) -> bool {
    line.ends_with(':') || line.trim_end_matches(['.', ':']).trim_end().ends_with(|c: char| c.is_ascii_digit())
}

/// What may follow the word of a label without brackets: a number and a colon, or one of them.
fn is_numbered(rest: &str) -> bool {
    let rest = rest.trim();
    let number = rest.trim_end_matches([':', '.']).trim();
    let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    is_number || (number.is_empty() && rest.ends_with(':'))
}
