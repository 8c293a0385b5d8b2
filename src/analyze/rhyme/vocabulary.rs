//! The words that a thread has met lately: verse says the same ones again, and how a word is spoken changes only with
//! the dictionary of stresses.

use std::cell::RefCell;
use std::rc::Rc;

use hashbrown::HashMap;

use super::russian::StressDictionary;
use super::sound::Word;
use crate::name::Fingerprint;

/// Words of a generation, of which two are kept on a thread: some seven megabytes. Nine of ten of the different words of
/// a poem are found there, in a corpus of verse out of order.
const WORDS_MAX: usize = 16_384;

/// Words met lately, as one dictionary has them spoken. Once there are [`WORDS_MAX`] of the younger generation, it is the
/// older one and another begins.
#[derive(Default)]
struct Vocabulary {
    /// None of the empty one.
    dictionary: Option<Fingerprint>,
    younger: HashMap<Box<str>, Rc<Word>>,
    older: HashMap<Box<str>, Rc<Word>>,
}

thread_local! {
    static VOCABULARY: RefCell<Vocabulary> = RefCell::default();
}

/// The words as they are spoken, each as [`Word::of`] makes it, whatever the thread has met before.
pub(super) fn spoken(words: &[String], stress: &StressDictionary) -> Vec<Rc<Word>> {
    VOCABULARY.with_borrow_mut(|vocabulary| {
        let dictionary = (!stress.is_empty()).then(|| stress.digest());
        if vocabulary.dictionary != dictionary {
            *vocabulary = Vocabulary { dictionary, ..Vocabulary::default() };
        }
        words.iter().map(|word| vocabulary.spoken(word, stress)).collect()
    })
}

impl Vocabulary {
    fn spoken(&mut self, word: &str, stress: &StressDictionary) -> Rc<Word> {
        if let Some(spoken) = self.younger.get(word) {
            return Rc::clone(spoken);
        }
        if self.younger.len() >= WORDS_MAX {
            self.older = std::mem::take(&mut self.younger);
        }
        let known = self.older.remove_entry(word);
        let (word, spoken) = known.unwrap_or_else(|| (word.into(), Rc::new(Word::of(word, stress))));
        self.younger.insert(word, Rc::clone(&spoken));
        spoken
    }
}
