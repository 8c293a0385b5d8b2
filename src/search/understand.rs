//! A query taken apart: words, `"phrases"` that must stand there, `-words` and `-"phrases"` that must not, and conditions on
//! filters, `year:1890..1910`.

use std::ops::Range;

use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::logical_expr::expr::Like;
use datafusion::logical_expr::{Expr, ident, lit, not};

use super::SearchError;
use crate::engine::SqlError;
use crate::limits::EXPANDED_QUERY_WORDS_MAX;
use crate::text::terms::{Term, Tokenizer, plain_word};

/// What a query asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Understood {
    /// What is meant, in the order of the query: without its marks, its conditions and what is excluded.
    said: Vec<Said>,
    /// What is looked for, each once.
    pub terms: Vec<String>,
    /// Terms that must stand behind one another.
    pub phrases: Vec<Vec<String>>,
    /// Terms, or several behind one another, that must not be there.
    pub excluded: Vec<Vec<String>>,
    /// Conditions on filters.
    pub conditions: Vec<Condition>,
    /// Words that are read as others.
    pub corrected: Vec<Correction>,
    /// Terms that are looked for beside those of the query.
    pub added: Vec<AddedTerm>,
}

/// A piece of what is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    text: String,
    is_phrase: bool,
}

/// A condition that a query has.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// As it was written.
    pub text: String,
    pub(super) filter: Expr,
}

/// A word of a query that no text has, read as one that a text has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    pub word: String,
    /// The term of the word that was likely meant.
    pub term: String,
}

/// A term that is looked for beside those of the query.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedTerm {
    pub term: String,
    /// How much it counts, where what is asked for counts 1.
    pub weight: f32,
    /// The words of the query that it was added for.
    pub word: String,
    pub reason: Reason,
}

/// Why a term was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A synonym.
    Synonym,
    /// It is near to the word in meaning.
    Related,
}

/// A word that is looked for.
pub(super) struct QueryWord {
    pub word: String,
    pub term: String,
    /// Which piece has it, and where, in bytes.
    said: usize,
    at: Range<usize>,
}

/// A piece of a query.
struct Piece<'a> {
    text: &'a str,
    /// The filter that it is a condition on.
    filter: Option<&'a str>,
    is_phrase: bool,
    is_excluded: bool,
}

impl Understood {
    /// Takes a query apart; the conditions that it may have are on the columns of `filters`.
    pub(super) fn of(query: &str, tokenizer: &Tokenizer, filters: &SchemaRef) -> Result<Self, SearchError> {
        let mut understood = Self::default();
        for Piece { text, filter, is_phrase, is_excluded } in pieces(query, filters) {
            if let Some(field) = filter.and_then(|filter| filters.field_with_name(filter).ok()) {
                let filter = condition(field, text)?;
                let (mark, filter) = if is_excluded { ("-", not(filter)) } else { ("", filter) };
                understood.conditions.push(Condition { text: format!("{mark}{}:{text}", field.name()), filter });
                continue;
            }
            let terms: Vec<String> = tokenizer.terms(text).map(|term| term.text).collect();
            if is_excluded {
                understood.excluded.extend(Some(terms).filter(|terms| !terms.is_empty()));
                continue;
            }
            understood.said.push(Said { text: text.to_owned(), is_phrase });
            understood.phrases.extend(Some(terms).filter(|terms| is_phrase && !terms.is_empty()));
        }
        understood.terms = tokenizer.query_terms(&understood.text());
        Ok(understood)
    }

    /// What is meant.
    pub fn text(&self) -> String {
        self.said.iter().map(|said| said.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The words outside phrases that are looked for and whose terms are wanted, in their order: the first of many.
    pub(super) fn words(&self, tokenizer: &Tokenizer, is_wanted: impl Fn(&str) -> bool) -> Vec<QueryWord> {
        let of_piece = |(said, piece): (usize, &Said)| {
            let words =
                tokenizer.terms(&piece.text).filter(|term| self.terms.contains(&term.text) && is_wanted(&term.text));
            let word =
                |Term { text: term, at }: Term| QueryWord { word: plain_word(&piece.text[at.clone()]), term, said, at };
            words.map(word).collect::<Vec<_>>()
        };
        let pieces = self.said.iter().enumerate().filter(|(_, piece)| !piece.is_phrase);
        pieces.flat_map(of_piece).take(EXPANDED_QUERY_WORDS_MAX).collect()
    }

    /// Reads words as others: `meant` has them in the order of the query.
    pub(super) fn correct(&mut self, meant: Vec<(QueryWord, String)>, tokenizer: &Tokenizer) {
        // The last first, so that the places of the others stay.
        for (QueryWord { said, at, .. }, meant) in meant.into_iter().rev() {
            let text = &mut self.said[said].text;
            self.corrected.push(Correction { word: text[at.clone()].to_owned(), term: tokenizer.joined(&meant) });
            text.replace_range(at, &meant);
        }
        self.corrected.reverse();
        self.terms = tokenizer.query_terms(&self.text());
    }

    /// Looks for a term too, unless that is done anyway.
    pub(super) fn add(&mut self, added: AddedTerm) {
        if !self.terms.contains(&added.term) && !self.added.iter().any(|known| known.term == added.term) {
            self.added.push(added);
        }
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

/// The pieces of a query, in its order. A mark that nothing ends is no mark, nor is a hyphen within a word or by itself; what
/// stands before a colon is a word like others unless it is a filter.
fn pieces<'a>(query: &'a str, filters: &SchemaRef) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut rest = query.trim_start();
    while !rest.is_empty() {
        let is_body = |after: &&str| after.starts_with(|c: char| !c.is_whitespace() && c != '-');
        let excluded = rest.strip_prefix('-').filter(is_body);
        let (is_excluded, body) = (excluded.is_some(), excluded.unwrap_or(rest));
        let named = body.split_once(':').filter(|(name, value)| {
            filters.field_with_name(name).is_ok() && value.starts_with(|c: char| !c.is_whitespace())
        });
        let (filter, body) = named.map_or((None, body), |(name, value)| (Some(name), value));
        let quoted = body.chars().next().and_then(|mark| body[mark.len_utf8()..].split_once(closing(mark)?));
        let (text, after) =
            quoted.unwrap_or_else(|| body.split_at(body.find(char::is_whitespace).unwrap_or(body.len())));
        pieces.push(Piece { text: text.trim(), filter, is_phrase: quoted.is_some(), is_excluded });
        rest = after.trim_start();
    }
    pieces
}

/// What `value` says of a filter: that it is this, whatever its case, or lies in `from..to`, of which one may be missing.
fn condition(field: &Field, value: &str) -> Result<Expr, SearchError> {
    let of = || ident(field.name());
    if let Some((from, to)) = value.split_once("..").filter(|(from, to)| !(from.is_empty() && to.is_empty())) {
        let from = (!from.is_empty()).then(|| constant(field, from)).transpose()?.map(|from| of().gt_eq(from));
        let to = (!to.is_empty()).then(|| constant(field, to)).transpose()?.map(|to| of().lt_eq(to));
        return Ok(from.into_iter().chain(to).reduce(Expr::and).unwrap_or_else(|| of().is_not_null()));
    }
    if *field.data_type() == DataType::Utf8 {
        let escaped = value.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        return Ok(Expr::Like(Like::new(false, Box::new(of()), Box::new(lit(escaped)), None, true)));
    }
    Ok(of().eq(constant(field, value)?))
}

/// A value of the filter's type; moments are read by the engine.
fn constant(field: &Field, text: &str) -> Result<Expr, SearchError> {
    let number = || text.parse::<i64>().map(lit).or_else(|_| text.parse::<f64>().map(lit)).ok();
    let read = match field.data_type() {
        DataType::Boolean => text.to_ascii_lowercase().parse::<bool>().ok().map(lit),
        of if of.is_numeric() => number(),
        _ => Some(lit(text)),
    };
    read.ok_or_else(|| {
        let message =
            format!("`{}:{text}`: `{text}` is no value of `{0}`, which is {1}", field.name(), field.data_type());
        let remedy = format!("put the words in quotation marks to look for them: `\"{}:{text}\"`", field.name());
        SearchError::Filter(SqlError::invalid(message).with_remedy(remedy))
    })
}
