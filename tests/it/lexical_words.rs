//! What `lexical` knows of words: profane, rare, pronouns; and how good a piece of data a text is.

use proptest::prelude::*;
use rhapsode::analyze::lexical::{Lexical, lexical};

/// Lines of a label, 1 or 0, and words: our own, written to be tricky.
const ENGLISH_WORDS: &str = include_str!("../data/profanity_en.tsv");
const RUSSIAN_WORDS: &str = include_str!("../data/profanity_ru.tsv");

/// The first stanzas of Clare's `I Am` (1848) and of Pushkin's `Зимний вечер` (1825).
const ENGLISH: &str = "\
I am\u{2014}yet what I am none cares or knows;
My friends forsake me like a memory lost:
I am the self-consumer of my woes\u{2014}
They rise and vanish in oblivion\u{2019}s host,
Like shadows in love\u{2019}s frenzied stifled throes
And yet I am, and live\u{2014}like vapours tossed

Into the nothingness of scorn and noise,
Into the living sea of waking dreams,
Where there is neither sense of life or joys,
But the vast shipwreck of my life\u{2019}s esteems;";
const RUSSIAN: &str = "\
Буря мглою небо кроет,
Вихри снежные крутя;
То, как зверь, она завоет,
То заплачет, как дитя,
То по кровле обветшалой
Вдруг соломой зашумит,
То, как путник запоздалый,
К нам в окошко застучит.

Наша ветхая лачужка
И печальна и темна.
Что же ты, моя старушка,
Приумолкла у окна?
Или бури завываньем
Ты, мой друг, утомлена,
Или дремлешь под жужжаньем
Своего веретена?";

fn is_profane(word: &str) -> bool {
    lexical(word).profanity_share.is_some_and(|share| share > 0.0)
}

#[test]
fn profane_words_are_told_from_those_that_look_like_them() {
    for line in ENGLISH_WORDS.lines().chain(RUSSIAN_WORDS.lines()) {
        let (label, words) = line.split_once('\t').unwrap();
        words.split(' ').for_each(|word| assert_eq!(is_profane(word), label == "1", "{word}"));
    }
}

#[test]
fn a_masked_word_is_one_word() {
    let check = |text: &str, share| assert_eq!(lexical(text).profanity_share, Some(share), "{text}");
    check("f**k you", 1.0 / 2.0);
    check("fuck*ng cold", 1.0 / 2.0);
    check("sh*t! sh!t, shit!", 1.0);
    check("*shit* happens", 1.0 / 2.0);
    check("*love* is all", 0.0);
    check("да ну на х*й", 1.0 / 4.0);
    check("f**k.f**k", 1.0);
    check("what the **** is that", 0.0);
    check("Miss C***, and Lord B****", 0.0);
}

#[test]
fn texts_of_other_languages_have_no_shares() {
    let german = lexical(&"Ich ging im Walde so für mich hin und nichts zu suchen, das war mein Sinn. ".repeat(3));
    assert_eq!(german.language, Some("de"));
    assert_eq!((german.profanity_share, german.rare_words_share, german.third_person_share), (None, None, None));
    let unknown = lexical("fuck");
    assert_eq!((unknown.language, unknown.profanity_share, unknown.rare_words_share), (None, Some(1.0), None));
    let empty = lexical("");
    assert_eq!((empty.profanity_share, empty.first_person_share), (None, None));
}

#[test]
fn pronouns_are_counted_with_their_contractions_and_cases() {
    let check = |text: &str, first: usize, second: usize, third: usize| {
        let (found, words) = (lexical(text), lexical(text).tokens as f64);
        let shares = [found.first_person_share, found.second_person_share, found.third_person_share];
        assert_eq!(shares, [first, second, third].map(|count| Some(count as f64 / words)), "{text}");
    };
    check("I'm yours and you\u{2019}d've loved 'em", 1, 2, 1);
    check("Y'all, let's tell her it's ours; 'tis thine", 2, 2, 3);
    check("youuuu and meeee", 1, 1, 0);
    check("oneself, who, this, well, we'll", 1, 0, 0);
    check("Мнѣ нашихъ твоего у ней с ихней", 2, 1, 2);
    check("Её, нём, моём и твоё: по-моему, свой себе", 2, 1, 2);
}

/// `is` and `a` are listed; `snowfall` is rare; `loved`, `lovin'`, `love's` and `looove` are forms of `love`.
#[test]
fn rare_words_are_those_whose_forms_are_not_listed() {
    let frame = "the night is long and the day is a dream of the world that we have and the love we had ";
    let rare = |word: &str| {
        let found = lexical(&format!("{frame}{word}"));
        assert_eq!(found.language, Some("en"));
        (found.rare_words_share.unwrap() * found.tokens as f64).round() as usize
    };
    let listed =
        ["loved", "lovin\u{2019}", "love\u{2019}s", "looove", "don't", "dreamin'", "running", "1999", "cities"];
    listed.iter().for_each(|word| assert_eq!(rare(word), 0, "{word}"));
    ["snowfallen", "quixotic", "любовь", "zzz"].iter().for_each(|word| assert_eq!(rare(word), 1, "{word}"));

    let frame = "ночь была долгой и мы не знали что день это только сон о том что у нас есть и чего уже нет ";
    let rare = |word: &str| {
        let found = lexical(&format!("{frame}{word}"));
        assert_eq!(found.language, Some("ru"));
        (found.rare_words_share.unwrap() * found.tokens as f64).round() as usize
    };
    let listed = ["любовью", "сердцами", "нёсъ", "звездами", "прекрасными", "1999"];
    listed.iter().for_each(|word| assert_eq!(rare(word), 0, "{word}"));
    ["бергамот", "тщедушный", "love"].iter().for_each(|word| assert_eq!(rare(word), 1, "{word}"));
}

#[test]
fn quality_falls_with_every_kind_of_damage() {
    let better = |good: &str, bad: &str, part: fn(&Lexical) -> Option<f64>| {
        let (good, bad) = (lexical(good), lexical(bad));
        assert!(part(&good) > part(&bad), "{:?} {:?}", part(&good), part(&bad));
        assert!(good.quality_score > bad.quality_score);
    };
    for text in [ENGLISH, RUSSIAN] {
        assert!(lexical(text).quality_score > 0.98, "{:?}", lexical(text));
        let start: String = text.chars().take(60).collect();
        better(text, &start, |found| Some(found.quality_length));
        better(&start, "love", |found| Some(found.quality_length));
        better(text, &text.replace('e', "3").replace('о', "0"), |found| found.quality_words);
        better(text, &format!("{text}\n1 2 3 4 5 6 www.example.com/lyrics"), |found| found.quality_words);
        better(text, &text.repeat(20), |found| found.quality_variety);
        better(text, &text.replace('\n', "<br>\n"), |found| found.quality_characters);
        better(text, &format!("{text}\u{fffd}\u{0}"), |found| found.quality_characters);
        better(text, &format!("{text} &amp; &#39;"), |found| found.quality_characters);
        better(text, &format!("{text} миp"), |found| found.quality_characters);
    }
    assert_eq!(lexical(&"la ".repeat(100)).quality_variety, Some(1.0 / 99.0 / 0.2));
    assert_eq!(lexical("").quality_score, 0.0);
    assert_eq!(lexical(" \n").quality_score, 0.0);
}

#[test]
fn text_in_a_wrong_encoding_is_poor_data() {
    let latin: String = RUSSIAN.bytes().map(char::from).collect();
    assert_eq!(lexical(&latin).quality_characters, Some(0.0));
    // Windows-1251 read as Latin-1: `Áóðÿ` for `Буря`.
    let shifted = |c: char| if ('А'..='я').contains(&c) { char::from((c as u32 - 0x410 + 0xc0) as u8) } else { c };
    let shifted = lexical(&RUSSIAN.chars().map(shifted).collect::<String>());
    assert!(shifted.quality_words < Some(0.4), "{shifted:?}");
}

#[test]
fn a_chorus_does_not_make_a_song_monotonous() {
    let chorus = "We sing it loud, we sing it clear,\nThe summer days are coming near.\n\n";
    let song = format!("{ENGLISH}\n\n{chorus}{ENGLISH}\n\n{chorus}{chorus}");
    assert_eq!(lexical(&song).quality_variety, Some(1.0));
}

#[test]
fn languages_of_other_alphabets_are_no_damage() {
    let vietnamese = "Trăm năm trong cõi người ta, chữ tài chữ mệnh khéo là ghét nhau. Trải qua một cuộc bể dâu";
    let ukrainian =
        "Реве та стогне Дніпр широкий, сердитий вітер завива, додолу верби гне високі, горами хвилю підійма";
    let japanese = "色は匂へど散りぬるを我が世誰ぞ常ならむ";
    for text in [vietnamese, ukrainian, japanese] {
        let found = lexical(text);
        assert_eq!(found.quality_characters, Some(1.0), "{text}");
        assert!(found.quality_words > Some(0.9), "{text} {found:?}");
    }
}

/// Time must not grow with the square of the length: a text of one token, of marks, of apostrophes.
#[test]
fn long_texts_of_one_kind_end() {
    for piece in ["a", "*", "f*", "a'", "<a", "&a", "ю", "x\u{430}", "f**k ", "it's's", "ху", "еб", "!a", "<<"] {
        let found = lexical(&piece.repeat(200_000 / piece.len()));
        assert!((0.0..=1.0).contains(&found.quality_score), "{piece}");
    }
}

/// Words whose marks are known, of one script: what the shares are of, counted one by one.
const KNOWN: [(&str, bool, usize); 12] = [
    ("fuck", true, 0),
    ("Bullshit", true, 0),
    ("n1gga", true, 0),
    ("I\u{2019}m", false, 1),
    ("OURS", false, 1),
    ("thee", false, 2),
    ("you'll", false, 2),
    ("Their", false, 3),
    ("it's", false, 3),
    ("love", false, 0),
    ("quixotic", false, 0),
    ("1999", false, 0),
];

proptest! {
    #[test]
    fn shares_are_those_of_a_count_by_hand(picks in prop::collection::vec((0..KNOWN.len(), 0..3_usize), 1..60)) {
        let separators = [" ", "\n", ", "];
        let text: String = picks.iter().map(|&(word, after)| format!("{}{}", KNOWN[word].0, separators[after])).collect();
        let found = lexical(&text);
        prop_assume!(matches!(found.language, None | Some("en")));
        let share = |holds: &dyn Fn(&(&str, bool, usize)) -> bool| {
            Some(picks.iter().filter(|(word, _)| holds(&KNOWN[*word])).count() as f64 / picks.len() as f64)
        };
        prop_assert_eq!(found.tokens, picks.len());
        prop_assert_eq!(found.profanity_share, share(&|word| word.1));
        prop_assert_eq!(found.first_person_share, share(&|word| word.2 == 1));
        prop_assert_eq!(found.second_person_share, share(&|word| word.2 == 2));
        prop_assert_eq!(found.third_person_share, share(&|word| word.2 == 3));
        if found.language.is_some() {
            prop_assert_eq!(found.rare_words_share, share(&|word| matches!(word.0, "quixotic" | "n1gga" | "Bullshit")));
        }
    }

    #[test]
    fn no_text_panics_and_every_share_is_one(text in "(\\PC|[a-zа-яё*@!&<>'’ \n0-9]|f\\*|х\\*|&amp;|<br>|\u{fffd}|Ñ€){0,120}") {
        let found = lexical(&text);
        let shares = [found.profanity_share, found.rare_words_share, found.first_person_share, found.second_person_share,
            found.third_person_share, Some(found.quality_score), Some(found.quality_length), found.quality_language,
            found.quality_words, found.quality_variety, found.quality_characters];
        for share in shares.into_iter().flatten() {
            prop_assert!((0.0..=1.0).contains(&share), "{:?}", found);
        }
    }

    #[test]
    fn a_text_and_its_repetition_have_the_same_shares(words in prop::collection::vec("[a-z]{1,6}|[а-я]{1,6}|f\\*\\*k", 1..30)) {
        let text = words.join(" ");
        let (once, twice) = (lexical(&text), lexical(&format!("{text}\n{text}")));
        prop_assume!(once.language == twice.language);
        prop_assert_eq!(once.profanity_share, twice.profanity_share);
        prop_assert_eq!(once.rare_words_share, twice.rare_words_share);
    }
}
