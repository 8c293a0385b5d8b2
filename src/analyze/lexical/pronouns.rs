//! Pronouns of the three persons, with the possessives.
//!
//! The lists are our own work (CC0). A form with two readings stands once, by the person that both share: `её` is `her`
//! and `hers`, `им` is `them` and `by him`. Counted although they can be other words: `mine` (of coal), `em` (a letter),
//! `нем` (mute, beside `нём`). Not counted: себя and свой, which are of any person; `one`, `who` and `this`; `yo`, which
//! greets more often than it owns; `id`, `ill`, `well` and `were` without their apostrophes.

/// The person of a pronoun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Person {
    First,
    Second,
    Third,
}

/// Every form, in the spelling of [`super::spelling::listed`].
pub(super) fn forms() -> impl Iterator<Item = (String, Person)> {
    let persons = [(Person::First, FIRST), (Person::Second, SECOND), (Person::Third, THIRD)];
    let plain =
        persons.into_iter().flat_map(|(person, forms)| forms.split_whitespace().map(move |form| (form, person)));
    let plain = plain.map(|(form, person)| (form.to_owned(), person));
    let possessives = POSSESSIVES.into_iter().flat_map(|(stem, endings, person)| {
        endings.split_whitespace().map(move |ending| (format!("{stem}{}", ending.trim_matches('-')), person))
    });
    plain.chain(possessives)
}

/// What may follow a pronoun after an apostrophe.
const CLITICS: &[&str] = &["d", "dst", "ll", "lt", "m", "ma", "re", "rt", "s", "st", "t", "ve"];

/// What stands before the first apostrophe of a contraction: `i` of `i'm`, `you` of `you'd've`.
pub(super) fn contracted(word: &str) -> Option<&str> {
    let (head, tail) = word.split_once('\'')?;
    CLITICS.contains(&tail.split('\'').next()?).then_some(head)
}

const FIRST: &str = "\
    i me my mine myself meself we us our ours ourselves ourself im ive ima imma i'ma i'mma lets let's lemme gimme methinks \
    я меня мне мной мною мы нас нам нами";

const SECOND: &str = "\
    you your yours yourself yourselves ya ye thou thee thy thine thyself u ur yall y'all ya'll yous youse yourn youre \
    youve youll youd d'you d'ya d'ye \
    ты тебя тебе тобой тобою вы вас вам вами";

const THIRD: &str = "\
    he him his himself hisself she her hers herself it its itself they them their theirs themselves themself theirselves \
    em 'em hes shes theyre theyve theyll theyd tis 'tis twas 'twas twere twill twould t'was t'is \
    он его него ему нему им ним нем она ее нее ей ней ею нею оно они их них ими ними оне ея нея";

const POSSESSIVE_ENDINGS: &str = "й я е и его ей ему ею ю им ими их ем";
const POSSESSIVE_ENDINGS_HARD: &str = "- а е и его ей ему ею у им ими их ем";

const POSSESSIVES: [(&str, &str, Person); 5] = [
    ("мо", POSSESSIVE_ENDINGS, Person::First),
    ("наш", POSSESSIVE_ENDINGS_HARD, Person::First),
    ("тво", POSSESSIVE_ENDINGS, Person::Second),
    ("ваш", POSSESSIVE_ENDINGS_HARD, Person::Second),
    ("ихн", "ий яя ее ие его ей ему ею юю им ими их ем", Person::Third),
];
