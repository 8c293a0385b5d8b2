//! A query taken apart: words, `"phrases"` that must stand there, `-words` and `-"phrases"` that must not.

use crate::text::terms::Tokenizer;

/// What a query asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Understood {
    /// What is meant: the query without its marks and without what is excluded.
    pub text: String,
    /// What is looked for.
    pub terms: Vec<String>,
    /// Terms that must stand behind one another.
    pub phrases: Vec<Vec<String>>,
    /// Terms, or several behind one another, that must not be there.
    pub excluded: Vec<Vec<String>>,
}

/// A piece of a query.
struct Piece<'a> {
    text: &'a str,
    is_phrase: bool,
    is_excluded: bool,
}

impl Understood {
    pub(super) fn of(query: &str, tokenizer: &Tokenizer) -> Self {
        let mut understood = Self::default();
        for Piece { text, is_phrase, is_excluded } in pieces(query) {
            let terms: Vec<String> = tokenizer.terms(text).map(|term| term.text).collect();
            if is_excluded {
                understood.excluded.extend(Some(terms).filter(|terms| !terms.is_empty()));
                continue;
            }
            if !understood.text.is_empty() {
                understood.text.push(' ');
            }
            understood.text.push_str(text);
            if is_phrase && !terms.is_empty() {
                understood.phrases.push(terms);
            }
        }
        understood.terms = tokenizer.query_terms(&understood.text);
        understood
    }
}

/// The mark that ends what `mark` begins.
fn closing(mark: char) -> Option<char> {
    match mark {
        '"' => Some('"'),
        '\u{201c}' => Some('\u{201d}'),
        '\u{201e}' => Some('\u{201c}'),
        '«' => Some('»'),
        _ => None,
    }
}

/// The pieces of a query, in its order. A mark that nothing ends is no mark, nor is a hyphen within a word or by itself.
fn pieces(query: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let after_hyphen =
            rest.strip_prefix('-').filter(|after| after.starts_with(|c: char| !c.is_whitespace() && c != '-'));
        let (is_excluded, body) = (after_hyphen.is_some(), after_hyphen.unwrap_or(rest));
        let opening = if is_excluded { body.chars().next().unwrap_or(first) } else { first };
        let quoted = closing(opening).and_then(|end| body[opening.len_utf8()..].split_once(end));
        let text = match quoted {
            Some((text, after)) => {
                pieces.push(Piece { text: text.trim(), is_phrase: true, is_excluded });
                rest = after.trim_start();
                continue;
            }
            None => body.split(char::is_whitespace).next().unwrap_or(body),
        };
        pieces.push(Piece { text, is_phrase: false, is_excluded });
        rest = body[text.len()..].trim_start();
    }
    pieces
}
