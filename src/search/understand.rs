//! A query taken apart: words, `"phrases"` that must stand there, `-words` and `-"phrases"` that must not, and conditions on
//! filters, `year:1890..1910`.

use std::ops::Range;

use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::logical_expr::expr::Like;
use datafusion::logical_expr::{Expr, ident, lit, not};

use super::SearchError;
use crate::engine::SqlError;
use crate::store::WeightedTerm;
use crate::text::terms::Tokenizer;

/// What a query asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Understood {
    /// What is meant: the query without its marks, its conditions and what is excluded.
    pub text: String,
    /// What is looked for; that which was added counts less.
    pub terms: Vec<WeightedTerm>,
    /// Terms that must stand behind one another.
    pub phrases: Vec<Vec<String>>,
    /// Terms, or several behind one another, that must not be there.
    pub excluded: Vec<Vec<String>>,
    /// Conditions on filters.
    pub conditions: Vec<Condition>,
    /// Terms that the query does not have.
    pub added: Vec<AddedTerm>,
    /// Where phrases stand in `text`, in bytes.
    quoted: Vec<Range<usize>>,
}

/// A condition that a query has.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// As it was written.
    pub text: String,
    pub(super) filter: Expr,
}

/// A term that is looked for though the query does not have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedTerm {
    pub term: String,
    /// The words of the query that it was added for.
    pub word: String,
    pub reason: Reason,
}

/// Why a term was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The word is in no text, and this is what it is likely meant to be.
    Typing,
    /// A synonym.
    Synonym,
    /// The word is in no text, and this one is near to it in meaning.
    Related,
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
            if !understood.text.is_empty() {
                understood.text.push(' ');
            }
            let start = understood.text.len();
            understood.text.push_str(text);
            if is_phrase && !terms.is_empty() {
                understood.phrases.push(terms);
                understood.quoted.push(start..understood.text.len());
            }
        }
        understood.look_for_terms(tokenizer);
        Ok(understood)
    }

    /// Looks for the terms of its text.
    fn look_for_terms(&mut self, tokenizer: &Tokenizer) {
        let term = |text: String| WeightedTerm { text, weight: 1.0 };
        self.terms = tokenizer.query_terms(&self.text).into_iter().map(term).collect();
    }

    /// The places of its words outside phrases, in bytes of its text, and their terms.
    pub(super) fn words(&self, tokenizer: &Tokenizer) -> Vec<(Range<usize>, String)> {
        let is_quoted = |at: &Range<usize>| self.quoted.iter().any(|quoted| quoted.contains(&at.start));
        let words = tokenizer.terms(&self.text).filter(|term| !is_quoted(&term.at));
        words.map(|term| (term.at, term.text)).collect()
    }

    /// Puts other words in the places of some, which stand in their order.
    pub(super) fn replace(&mut self, words: &[(Range<usize>, String)], tokenizer: &Tokenizer) {
        let mut replaced = String::with_capacity(self.text.len());
        let mut end = 0;
        let mut quoted = self.quoted.iter_mut().peekable();
        for (at, word) in words {
            while let Some(phrase) = quoted.next_if(|phrase| phrase.start < at.start) {
                let moved = replaced.len() + phrase.start - end;
                *phrase = moved..moved + phrase.len();
            }
            replaced.push_str(&self.text[end..at.start]);
            let term = tokenizer.joined(word);
            self.added.push(AddedTerm { term, word: self.text[at.clone()].to_owned(), reason: Reason::Typing });
            replaced.push_str(word);
            end = at.end;
        }
        for phrase in quoted {
            let moved = replaced.len() + phrase.start - end;
            *phrase = moved..moved + phrase.len();
        }
        replaced.push_str(&self.text[end..]);
        self.text = replaced;
        self.look_for_terms(tokenizer);
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
