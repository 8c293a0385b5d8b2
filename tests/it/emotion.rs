//! `emotion`: feelings of lines that a reader can check, planted arcs, and that nothing in a text can stop it.

use rhapsode::analyze::emotion::{
    ARC_POINTS, Emotion, Lexica, Mood, Sentiment, Shape, VECTOR_LEN, emotion, sentiment, sentiment_of_vector,
};

/// Happy, plain and sad lines, from which texts of a known arc are put together.
const ENGLISH: [[&str; 6]; 3] = [
    [
        "My heart is full of joy and love,",
        "we laugh, we dance, the sun is bright,",
        "how sweet and happy is the song,",
        "O blissful day of pure delight!",
        "Rejoice, my darling, sing with me,",
        "our hope is shining like a star.",
    ],
    [
        "He put the letter on the table",
        "and then the road turns to the west,",
        "a man was standing by the window,",
        "we passed the second house at seven,",
        "they asked him for the number twice,",
        "and so it was, as I have written.",
    ],
    [
        "I weep alone upon her grave,",
        "despair and sorrow fill my soul,",
        "the cruel death, the bitter pain,",
        "my broken heart is sad and cold,",
        "in grief and misery I die,",
        "all hopeless, lonely and betrayed.",
    ],
];

const RUSSIAN: [[&str; 6]; 3] = [
    [
        "Душа поёт от счастья и любви,",
        "мы весело танцуем и смеёмся,",
        "какая радость, милая моя,",
        "как сладок поцелуй, как светел праздник!",
        "Ликуй, надежда снова нам сияет,",
        "прекрасен мир, и я тебя люблю.",
    ],
    [
        "Он положил письмо на край стола,",
        "потом свернули мы на переулок,",
        "стоял мужчина около окна,",
        "прошли в седьмом часу мы мимо дома,",
        "спросили дважды номер у него,",
        "и было так, как я уже писал.",
    ],
    [
        "Я плачу на могиле в одиночестве,",
        "тоска и скорбь мне разрывают грудь,",
        "жестокая судьба, и боль, и горе,",
        "разбито сердце, в нём печаль и мрак,",
        "я умираю, гибну от отчаянья,",
        "несчастный, одинокий, всеми проклят.",
    ],
];

const HAPPY: usize = 0;
const PLAIN: usize = 1;
const SAD: usize = 2;

/// Two stanzas of three lines of each level.
fn text(bank: &[[&str; 6]; 3], levels: &[usize]) -> String {
    levels.iter().map(|level| format!("{}\n{}\n", bank[*level][..3].join("\n"), bank[*level][3..].join("\n"))).collect()
}

fn of(text: &str) -> Emotion {
    emotion(text, None, &Lexica::own())
}

fn valence(text: &str) -> f64 {
    of(text).valence.unwrap()
}

#[test]
fn a_planted_arc_is_found_in_both_languages() {
    let arcs = [
        (Shape::Rise, vec![SAD, PLAIN, HAPPY]),
        (Shape::Fall, vec![HAPPY, PLAIN, SAD]),
        (Shape::FallRise, vec![HAPPY, SAD, SAD, HAPPY]),
        (Shape::RiseFall, vec![SAD, HAPPY, HAPPY, SAD]),
        (Shape::RiseFallRise, vec![SAD, HAPPY, SAD, HAPPY]),
        (Shape::FallRiseFall, vec![HAPPY, SAD, HAPPY, SAD]),
        (Shape::Flat, vec![PLAIN, PLAIN, PLAIN]),
        (Shape::Flat, vec![HAPPY, HAPPY, HAPPY]),
    ];
    for bank in [&ENGLISH, &RUSSIAN] {
        for (shape, levels) in &arcs {
            let found = of(&text(bank, levels));
            assert_eq!(found.arc_shape, Some(*shape), "{levels:?} of {}", bank[0][0]);
            assert_eq!(found.arc.unwrap().len(), ARC_POINTS);
        }
    }
}

#[test]
fn an_arc_turns_where_the_feeling_turns() {
    let found = of(&text(&ENGLISH, &[SAD, HAPPY, HAPPY, SAD]));
    let turn = found.turning_lines[0];
    assert!((8..16).contains(&turn), "{turn} of 24");
    let found = of(&text(&RUSSIAN, &[HAPPY, SAD, HAPPY, SAD]));
    assert_eq!(found.turning_lines.len(), 2);
    assert!(found.turning_lines[0] < found.turning_lines[1]);
}

#[test]
fn a_negation_turns_what_it_denies() {
    let pairs = [
        ("I am happy", "I am not happy"),
        ("we felt the joy", "we never felt the joy"),
        ("a day with hope", "a day without hope"),
        ("I can love you", "I can't love you"),
        ("love me, I pray", "love me not, I pray"),
        ("я счастлив", "я не счастлив"),
        ("радость в доме", "нет радости в доме"),
        ("радость у меня", "радости нет у меня"),
        ("дом с любовью", "дом без любви"),
    ];
    for (plain, denied) in pairs {
        assert!(
            valence(plain) > 0.0 && valence(denied) < 0.0,
            "{plain} {}, {denied} {}",
            valence(plain),
            valence(denied)
        );
    }
    for comforting in ["weep not", "do not fear", "never a sorrow", "не плачь", "нет печали", "fearless"]
    {
        assert!(valence(comforting) > 0.0, "{comforting}");
    }
}

#[test]
fn a_negation_ends_with_its_clause() {
    assert!(valence("no, I love you") > 0.0);
    assert!(valence("not only love") > 0.0);
    assert!(valence("нет, я люблю") > 0.0);
}

#[test]
fn degree_marks_and_contrast_weigh() {
    assert!(valence("so sad") < valence("sad"));
    assert!(valence("hardly sad") > valence("sad"));
    assert!(valence("очень грустно") < valence("грустно"));
    assert!(valence("what joy!") > valence("what joy"));
    assert!(valence("is it joy?") < valence("it is joy"));
    assert!(valence("sorrow but joy") > valence("joy but sorrow"));
    assert!(valence("было горе, но пришла радость") > valence("была радость, но пришло горе"));
}

#[test]
fn a_word_is_known_in_the_spellings_of_verse() {
    for spelling in ["lov'd", "lovin'", "Love’s", "heav'n", "blessèd", "LOVE"] {
        assert!(valence(spelling) > 0.0, "{spelling}");
    }
    for spelling in ["любовію и счастіемъ", "свѣтъ", "любо́вь", "РАДОСТЬ", "весёлый", "веселый", "любимыми"]
    {
        assert!(valence(spelling) > 0.0, "{spelling}");
    }
    for spelling in ["griev'd", "dyin'", "печа́лью", "одинокими", "unlovely", "горе"] {
        assert!(valence(spelling) < 0.0, "{spelling}");
    }
    for plain in ["другой", "горы", "более", "долго"] {
        assert_eq!(valence(plain), 0.0, "{plain}");
    }
}

#[test]
fn moods_lie_in_the_plane_of_valence_and_arousal() {
    check_mood("Hate and rage! The furious war, murder and terror!\nI scream, I kill, attack!\n", Mood::Tense);
    check_mood("The lonely grave, the faded, withered flowers,\nforlorn and sad, the dreary dead.\n", Mood::Sad);
    check_mood("Rejoice! Exult! We dance in ecstasy!\nThe thrilling triumph, passion and delight!\n", Mood::Joyful);
    check_mood("Peace, gentle sleep, a tender lullaby,\ncalm and serene the soft moon dreams.\n", Mood::Tender);
    check_mood("Ненависть, ярость, ужас!\nУбийство, бешенство, проклятый враг!\n", Mood::Tense);
    check_mood("Могила, тоска, печальный погост,\nувядший цветок, одинокая грусть.\n", Mood::Sad);
    check_mood("Ура, восторг и ликование!\nТанцуй, победа, страсть, веселье!\n", Mood::Joyful);
    check_mood("Покой и нежность, тихий сон,\nласково дремлет безмятежная луна.\n", Mood::Tender);
    check_mood("He put the letter on the table.\n", Mood::Neutral);
    check_mood("Love and joy.\nDeath and grief.\n", Mood::Mixed);
}

fn check_mood(text: &str, mood: Mood) {
    let found = of(text);
    assert_eq!(found.mood, Some(mood), "{text}{found:?}");
    assert!((0.0..=1.0).contains(&found.mood_confidence.unwrap()));
}

#[test]
fn lines_are_counted_without_blank_ones_and_labels() {
    let found = of("[Verse: Joy]\nthe table\n\n[Chorus]\nI weep in sorrow\nmy joy, my love\n");
    assert_eq!(found.most_negative_line, Some(1));
    assert_eq!(found.most_positive_line, Some(2));
    assert_eq!(found.negative_lines_share, Some(1.0 / 3.0));
    assert_eq!(found.ending_valence, Some(valence("my joy, my love")));
}

#[test]
fn what_is_too_short_has_no_arc() {
    assert_eq!(of("joy\nlove\nbliss").arc, None);
    let four = of("joy\nlove\nbliss\ngrief");
    assert!(four.arc.is_some() && four.arc_shape.is_none());
}

#[test]
fn a_vector_speaks_for_its_stanza() {
    let lexica = Lexica::own();
    let text = "the table\n\nthe window";
    let even = vec![(1.0 / VECTOR_LEN as f32).sqrt(); VECTOR_LEN];
    let one = emotion(text, Some(&[Some(&even), None]), &lexica);
    assert!(one.arousal.is_some() && of(text).arousal.is_none());
    assert_ne!(one.valence, of(text).valence);
    let wrong: [&[Option<&[f32]>]; 3] =
        [&[Some(&even)], &[Some(&even[1..]), None], &[Some(&[f32::NAN; VECTOR_LEN]), None]];
    for vectors in wrong {
        assert_eq!(emotion(text, Some(vectors), &lexica), of(text));
    }
    assert_eq!(sentiment_of_vector(&even[1..]), None);
    assert_eq!(sentiment("joy and love and bliss", None, &lexica), Sentiment::Positive);
    assert_eq!(sentiment("the table", None, &lexica), Sentiment::Neutral);
}

#[test]
fn nothing_in_a_text_stops_it() {
    assert_eq!(of(""), Emotion::default());
    assert_eq!(of(" \n\t\r\n\u{2028}…!?"), Emotion::default());
    let hostile = [
        "'''''",
        "’",
        "n't",
        "'d",
        "un",
        "less",
        "не",
        "ъ",
        "ь",
        "й\u{306}\u{306}",
        "[",
        "[]",
        "love\0joy",
        "שלום עולם",
        "👩‍👩‍👧 ❤️ joy",
        "l\u{200d}o\u{200d}ve",
        "Lовe",
        "любовьlove",
        "a\u{301}\u{302}\u{303}",
        "ﬁre ǅ ß İ",
        "愛と悲しみ",
        "unununless",
        "бесбезне",
        "'st'st'st",
        "ss",
        "aaa'",
        "нннннн",
        "joy not not not not",
    ];
    let long = [
        "love ",
        "не ",
        "'",
        "!",
        "not joy but ",
        "а",
        "\n",
        "joy\n",
        "\u{301}",
        "я\u{306}",
        "x'",
        "(",
        "\r",
        "joy\n\n",
    ];
    let repeated = long.iter().map(|piece| piece.repeat(1_000_000 / piece.len()));
    for text in hostile.iter().map(|text| (*text).to_owned()).chain(repeated) {
        let found = of(&text);
        let measures = [found.valence, found.arousal, found.valence_sd, found.coverage, found.mood_confidence];
        let arc = found.arc.iter().flatten().copied();
        assert!(measures.into_iter().flatten().chain(arc).all(|value| (-1.0..=1.0).contains(&value)), "{found:?}");
        assert_eq!(found, of(&text));
    }
}

mod evaluation {
    //! Figures of agreement that can be worked out by hand.

    use rhapsode::analyze::emotion::Sentiment::{Negative, Neutral, Positive};
    use rhapsode::evaluate::Agreement;
    use rhapsode::evaluate::emotion::agreement;

    #[test]
    fn macro_f1_and_kappa_are_those_of_the_books() {
        let pairs = [(Negative, Negative), (Neutral, Neutral), (Neutral, Positive), (Positive, Positive)];
        let found = agreement(&pairs);
        assert_eq!(found.confusion.0, [[1, 0, 0], [0, 1, 1], [0, 0, 1]]);
        // F1: 1, 2/3, 2/3.
        assert!((found.macro_f1 - 7.0 / 9.0).abs() < 1e-12);
        // Observed 12/16, by chance (1 + 2 + 2)/16.
        let pairs_of_numbers = pairs.map(|(a, b)| (a as usize, b as usize));
        let judges = Agreement::of(&pairs_of_numbers);
        assert!((judges.kappa - 7.0 / 11.0).abs() < 1e-12 && (judges.share - 0.75).abs() < 1e-12);
        assert!(judges.kappa_interval.low <= judges.kappa && judges.kappa <= judges.kappa_interval.high);
        assert!(found.interval.low <= found.macro_f1 && found.macro_f1 <= found.interval.high);
        assert_eq!(found, agreement(&pairs));
    }

    #[test]
    fn nothing_to_compare_agrees_in_nothing() {
        let found = agreement(&[]);
        assert_eq!((found.macro_f1, found.interval.high), (0.0, 0.0));
        let judges = Agreement::of::<u8>(&[]);
        assert_eq!((judges.share, judges.kappa), (0.0, 0.0));
        assert_eq!(Agreement::of(&[(1, 1), (1, 1)]).kappa, 0.0);
    }
}
