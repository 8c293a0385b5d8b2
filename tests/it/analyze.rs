//! Analyzers: what they return, and that nothing in a text can stop them.

use arrow::array::{Array, AsArray, StringArray, StructArray};
use arrow::datatypes::{Float64Type, Int32Type};
use rhapsode::analyze::lexical::{Lexical, lexical};
use rhapsode::analyze::{ANALYZERS, Analyzer};

/// William Blake, The Tyger (1794).
const TYGER: &str = "\
Tyger Tyger, burning bright,
In the forests of the night;
What immortal hand or eye,
Could frame thy fearful symmetry?

In what distant deeps or skies,
Burnt the fire of thine eyes?
On what wings dare he aspire?
What the hand, dare seize the fire?

And what shoulder, & what art,
Could twist the sinews of thy heart?
And when thy heart began to beat,
What dread hand? & what dread feet?

What the hammer? what the chain,
In what furnace was thy brain?
What the anvil? what dread grasp,
Dare its deadly terrors clasp!

When the stars threw down their spears
And water’d heaven with their tears:
Did he smile his work to see?
Did he who made the Lamb make thee?

Tyger Tyger burning bright,
In the forests of the night:
What immortal hand or eye,
Dare frame thy fearful symmetry?
";

/// Emily Dickinson, “Hope” is the thing with feathers (1861).
const HOPE: &str = "\
“Hope” is the thing with feathers -
That perches in the soul -
And sings the tune without the words -
And never stops - at all -

And sweetest - in the Gale - is heard -
And sore must be the storm -
That could abash the little Bird
That kept so many warm -

I’ve heard it in the chillest land -
And on the strangest Sea -
Yet - never - in Extremity,
It asked a crumb - of me.
";

/// Михаил Лермонтов, Выхожу один я на дорогу (1841).
const ROAD: &str = "\
Выхожу один я на дорогу;
Сквозь туман кремнистый путь блестит;
Ночь тиха. Пустыня внемлет богу,
И звезда с звездою говорит.

В небесах торжественно и чудно!
Спит земля в сияньи голубом…
Что же мне так больно и так трудно?
Жду ль чего? жалею ли о чём?

Уж не жду от жизни ничего я,
И не жаль мне прошлого ничуть;
Я ищу свободы и покоя!
Я б хотел забыться и заснуть!

Но не тем холодным сном могилы…
Я б желал навеки так заснуть,
Чтоб в груди дремали жизни силы,
Чтоб дыша вздымалась тихо грудь;

Чтоб всю ночь, весь день мой слух лелея,
Про любовь мне сладкий голос пел,
Надо мной чтоб вечно зеленея
Тёмный дуб склонялся и шумел.
";

/// The values of version 2, to the last bit. If this fails on purpose, the analyzer needs a new version.
#[test]
fn lexical_version_2() {
    let expected = Lexical {
        tokens: 141,
        types: 73,
        lines: 24,
        stanzas: 6,
        mtld: Some(40.43732379659601),
        hdd: Some(0.7332615375580546),
        type_token_ratio: Some(0.5177304964539007),
        line_length_mean: Some(5.875),
        line_length_sd: Some(0.9709316831442536),
        line_chars_mean: Some(31.208333333333332),
        word_length_mean: Some(4.24822695035461),
        hapax_share: Some(0.6164383561643836),
        language: Some("en"),
        language_confidence: Some(1.0),
        syllables: Some(171),
        readability: Some(94.01250000000002),
        sentences: 14,
        profanity_share: Some(0.0),
        rare_words_share: Some(0.09219858156028368),
        first_person_share: Some(0.0),
        second_person_share: Some(0.04964539007092199),
        third_person_share: Some(0.04964539007092199),
        quality_score: 1.0,
        quality_length: 1.0,
        quality_language: Some(1.0),
        quality_words: Some(1.0),
        quality_variety: Some(1.0),
        quality_characters: Some(1.0),
    };
    assert_eq!(lexical(TYGER), expected);
    assert_eq!(analyzer().version, 2);
}

/// Computed by the Python package lexicalrichness 0.5.1 (`mtld(threshold=0.72)`, `hdd(draws=42)`) on the words that
/// `[^\W_]+(?:'[^\W_]+)*` finds in the lower-cased verse; lexical-diversity 0.1.1 finds the same HD-D.
#[test]
fn diversity_agrees_with_an_independent_implementation() {
    let check = |text, tokens, mtld, hdd| {
        let found = lexical(text);
        assert_eq!(found.tokens, tokens);
        assert_close(found.mtld, mtld);
        assert_close(found.hdd, hdd);
    };
    check(TYGER, 141, 40.43732379659601, 0.7332615375580546);
    check(HOPE, 69, 56.56009615384615, 0.7539515915922507);
    check(ROAD, 116, 144.91076923076923, 0.878425948093343);
}

#[test]
fn diversity_needs_enough_words() {
    let check = |words: &[&str], times, mtld, hdd| {
        let found = lexical(&words.repeat(times).join(" "));
        assert_eq!((found.mtld.is_some(), found.hdd.is_some()), (mtld, hdd), "{} words", words.len() * times);
    };
    check(&["la"], 41, false, false);
    check(&["la"], 42, false, true);
    check(&["la"], 49, false, true);
    check(&["la"], 50, true, true);
    let different: Vec<String> = (0..60).map(|number| format!("w{number}")).collect();
    check(&different.iter().map(String::as_str).collect::<Vec<_>>(), 1, false, true); // no factor: nothing repeats
}

#[test]
fn one_word_said_again_and_again_is_the_least_diverse_text() {
    let found = lexical(&"la ".repeat(100));
    assert_close(found.mtld, 2.0);
    assert_close(found.hdd, 1.0 / 42.0);
    assert_close(found.type_token_ratio, 0.01);
    assert_close(found.hapax_share, 0.0);
}

/// 17 words, 2 sentences, 20 syllables: 206.835 − 1.015 × 17/2 − 84.6 × 20/17.
#[test]
fn flesch_by_hand() {
    let found = lexical("The dog ran down the hill with the ball. The children were happy to see the water.");
    assert_eq!((found.language, found.tokens, found.sentences, found.syllables), (Some("en"), 17, 2, Some(20)));
    assert_close(found.readability, 98.67808823529411);
}

/// 116 words, 14 sentences, 190 vowels: 206.836 − 1.52 × 116/14 − 65.14 × 190/116.
#[test]
fn oborneva_by_hand() {
    let found = lexical(ROAD);
    assert_eq!((found.language, found.tokens, found.sentences, found.syllables), (Some("ru"), 116, 14, Some(190)));
    assert_close(found.readability, 87.5468866995074);
}

#[test]
fn sentences_end_at_final_marks_or_with_the_lines_of_unmarked_verse() {
    let check = |text: &str, sentences| assert_eq!(lexical(text).sentences, sentences, "{text:?}");
    check("", 0);
    check("One. Two! Three? Four", 4);
    check("What?! No way!!!", 2);
    check("\u{201c}Stop!\u{201d} he said. (Really.) Yes.", 4);
    check("It costs 3.50 at example.com today.", 1);
    check("Wait... for it\u{2026} now...", 1);
    check("... !!! ?", 0);
    check("no marks\nin this stanza\n\nnor in that", 3);
    check("one mark? and more\nopen line\n\nnext stanza", 4);
    check("a sentence over\ntwo lines.\n***\nmore.", 2);
    check("今日は。元気？", 2);
}

#[test]
fn spellings_of_one_word_are_one_type() {
    let check = |text: &str, tokens, types| {
        let found = lexical(text);
        assert_eq!((found.tokens, found.types), (tokens, types), "{text:?}");
    };
    check("Don\u{2019}t don't DON\u{2bc}T", 3, 1);
    check("caf\u{e9} cafe\u{301} CAFÉ", 3, 1);
    check("му\u{301}ка \u{feff}му\u{301}ка", 2, 1);
    check("so\u{ad}ul soul \u{202b}soul\u{202c} _soul_", 4, 1);
    check("ИЩУ ищу", 2, 1);
    check("- — … ♪ 🎤 ' &", 0, 0);
    check("24/7 and 3.5", 4, 4);
    check("rock'n'roll lovin' 'tis", 3, 3);
}

#[test]
fn lines_and_stanzas_survive_every_line_break() {
    for line_break in ["\n", "\r\n", "\r", "\u{85}", "\u{2028}"] {
        let text = ["", "one two", "three", " \t", "", "four", ""].join(line_break);
        let found = lexical(&text);
        assert_eq!((found.lines, found.stanzas, found.tokens), (3, 2, 4), "{line_break:?}");
        assert_close(found.line_length_mean, 4.0 / 3.0);
        assert_close(found.line_length_sd, (2.0_f64 / 9.0).sqrt());
        assert_close(found.line_chars_mean, 16.0 / 3.0);
    }
}

#[test]
fn syllables_of_english_words() {
    let check = |words: &str, syllables: usize| {
        for word in words.split(' ') {
            let with = lexical(&format!("{TYGER}{word}")).syllables;
            let without = lexical(TYGER).syllables;
            assert_eq!(with.zip(without).map(|(with, without)| with - without), Some(syllables), "{word}");
        }
    };
    check("a love eyes loved rhyme league quick don't i'll they're through", 1);
    check(
        "table wanted horses something lovely didn't it'll quiet poem rhythm dj going beyond café's nation's movement's",
        2,
    );
    check("animal radio video idea beautiful", 3);
    check("responsibility", 6);
}

#[test]
fn each_word_has_the_syllables_of_its_own_script() {
    let with = |words: &str| lexical(&format!("{ROAD}{words}")).syllables;
    assert_eq!(with(""), Some(190));
    assert_eq!(with("в с к"), Some(190));
    assert_eq!(with("ёлка hello"), Some(194));
}

#[test]
fn languages_are_named_when_they_are_certain() {
    let check = |text: &str, language| assert_eq!(lexical(text).language, language, "{text:?}");
    check("hello", None);
    check("12345 67890 12345 67890 12345 67890", None);
    check("Der Mond ist aufgegangen, die goldnen Sternlein prangen am Himmel hell und klar;", Some("de"));
    check("Реве та стогне Дніпр широкий, сердитий вітер завива, додолу верби гне високі", Some("uk"));
    check("בראשית ברא אלהים את השמים ואת הארץ והארץ היתה תהו ובהו", Some("he"));
    let german = lexical("Der Mond ist aufgegangen, die goldnen Sternlein prangen am Himmel hell und klar;");
    assert_eq!((german.syllables, german.readability), (None, None));
}

#[test]
fn an_empty_text_has_counts_of_0_and_no_measures() {
    for text in ["", " ", "\n\r\n \t\n", "\u{feff}\u{200b}\n\0"] {
        assert_eq!(lexical(text), Lexical::default(), "{text:?}");
    }
}

/// None of these may panic, nor take more than time linear in its length.
#[test]
fn no_text_stops_the_analyzer() {
    let million = |piece: &str| piece.repeat(1_000_000 / piece.len());
    for piece in [
        "a",
        "la ",
        "é",
        "e\u{301}",
        "\u{301}",
        "\u{301}\u{327}",
        "👩\u{200d}👩\u{200d}👧 ",
        "🇷🇺",
        "\u{200d}",
        "\0\u{7}\u{1b}",
        "\r",
        "שלום ",
        "\u{202e}مرحبا\u{202c} ",
        "! ",
        ".",
        "…",
        ")",
        ".)",
        "a:",
        "a'",
        "'",
        "_",
        "a_",
        "1,",
        "。",
        "\n",
        "a\n\n",
        "Σ",
        "İ",
        "한",
        "中",
        "\u{10ffff}",
        "ﷺ",
        "qu",
        "y",
        "mc",
        "every",
    ] {
        let found = lexical(&million(piece));
        let measures = [
            found.mtld,
            found.hdd,
            found.type_token_ratio,
            found.line_length_mean,
            found.line_length_sd,
            found.line_chars_mean,
            found.word_length_mean,
            found.hapax_share,
            found.language_confidence,
            found.readability,
        ];
        assert!(measures.into_iter().flatten().all(f64::is_finite), "{piece:?}: {found:?}");
    }
    let different: String = (0..100_000).map(|number| format!("w{number} ")).collect();
    assert_eq!(lexical(&different).types, 100_000);
}

#[test]
fn emoji_and_joiners_are_no_words() {
    let found = lexical("I ❤️ you 👨‍👩‍👧‍👦 more 🎶");
    assert_eq!((found.tokens, found.lines), (3, 1));
}

#[test]
fn a_null_text_gives_a_null_struct_of_nulls() {
    let found = analyze(&[Some(TYGER), None, Some("")]);
    assert_eq!(found.len(), 3);
    assert_eq!([0, 1, 2].map(|row| found.is_null(row)), [false, true, false]);
    assert!(found.columns().iter().all(|column| column.is_null(1)));
    assert!(found.columns().iter().all(|column| !column.is_null(0)));
    let tokens = found.column_by_name("tokens").unwrap().as_primitive::<Int32Type>();
    assert_eq!((tokens.value(0), tokens.value(2)), (141, 0));
    let mtld = found.column_by_name("mtld").unwrap().as_primitive::<Float64Type>();
    assert_eq!((mtld.value(0), mtld.is_null(2)), (40.43732379659601, true));
    let language = found.column_by_name("language").unwrap().as_string::<i32>();
    assert_eq!((language.value(0), language.is_null(2)), ("en", true));
}

#[test]
fn a_column_of_no_texts_has_every_field() {
    let found = analyze(&[]);
    assert_eq!((found.len(), found.data_type().clone()), (0, analyzer().data_type()));
}

#[test]
fn a_value_depends_on_its_text_only() {
    let texts = [Some(ROAD), None, Some(TYGER), Some(HOPE)];
    assert_eq!(analyze(&texts), analyze(&texts));
    assert_eq!(lexical(HOPE), lexical(HOPE));
    let alone = analyze(&[Some(HOPE)]);
    for (alone, among) in alone.columns().iter().zip(analyze(&texts).columns()) {
        assert_eq!(format!("{:?}", alone.slice(0, 1)), format!("{:?}", among.slice(3, 1)));
    }
}

#[test]
fn analyzers_describe_themselves() {
    assert!(ANALYZERS.is_sorted_by_key(|analyzer| analyzer.name));
    assert!(Analyzer::find("lexcial").is_none());
    for analyzer in ANALYZERS {
        let found = analyzer.analyze(&StringArray::from(vec![Some(TYGER), None]));
        assert_eq!(found.data_type(), &analyzer.data_type(), "{}", analyzer.name);
        let fields = analyzer.fields();
        assert_eq!(found.column_names(), fields.iter().map(|field| field.name).collect::<Vec<_>>());
        assert!(fields.iter().all(|field| field.description.ends_with('.')));
    }
}

fn analyzer() -> &'static Analyzer {
    Analyzer::find("lexical").expect("lexical is an analyzer")
}

fn analyze(texts: &[Option<&str>]) -> StructArray {
    analyzer().analyze(&StringArray::from(texts.to_vec()))
}

#[track_caller]
fn assert_close(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{found:?} is not {expected}");
}
