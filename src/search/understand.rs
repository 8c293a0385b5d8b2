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
    while !rest.is_empty() {
        let is_body = |after: &&str| after.starts_with(|c: char| !c.is_whitespace() && c != '-');
        let excluded = rest.strip_prefix('-').filter(is_body);
        let (is_excluded, body) = (excluded.is_some(), excluded.unwrap_or(rest));
        let quoted = body.chars().next().and_then(|mark| body[mark.len_utf8()..].split_once(closing(mark)?));
        let (text, after) =
            quoted.unwrap_or_else(|| body.split_at(body.find(char::is_whitespace).unwrap_or(body.len())));
        pieces.push(Piece { text: text.trim(), is_phrase: quoted.is_some(), is_excluded });
        rest = after.trim_start();
    }
    pieces
}
