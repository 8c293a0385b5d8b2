//! What a text says, planted in its words: a theme that each line names, and an arc that its lines follow.

use super::draw::Draws;
use super::verse::{Stanza, Verse};
use super::vocabulary::Word;

/// What was planted.
pub struct Sense {
    pub theme: Word,
    /// None where a chorus comes back, whose words are the same wherever it stands.
    pub arc: Option<Word>,
}

/// A theme, by the name that the demo's definitions give it, and words that belong to it alone: English, Russian.
struct Theme {
    name: Word,
    words: [Word; 2],
}

const THEMES: &[Theme] = &[
    Theme {
        name: "war",
        words: ["soldier battlefield rifle trenches cannon army", "солдат винтовка окопы фронт пулемёт война"],
    },
    Theme {
        name: "faith",
        words: ["prayer heaven church angel gospel jesus", "молитва господь храм икона церковь ангел"],
    },
    Theme {
        name: "money_success",
        words: ["cash dollar wallet rich payday millionaire", "деньги рубли кошелёк богатство миллион зарплата"],
    },
    Theme {
        name: "family",
        words: ["mother father sister brother grandmother lullaby", "мама отец сестра брат бабушка колыбельная"],
    },
    Theme {
        name: "party_dance",
        words: [
            "dancefloor party dancing nightclub disco champagne",
            "танцпол вечеринка танцы дискотека шампанское клуб",
        ],
    },
    Theme {
        name: "music_craft",
        words: ["microphone rapper melody studio verse guitar", "микрофон рэпер мелодия студия рифма гитара"],
    },
];

/// Words of strong feeling, glad and sad: English, Russian.
const GLAD: [Word; 2] =
    ["happy joyful wonderful delighted cheerful glad", "счастливый радостный прекрасный весёлый радость счастье"];
const SAD: [Word; 2] =
    ["sad miserable terrible hateful wretched awful", "грустный несчастный ужасный печальный горе беда"];

/// The six arcs of Reagan et al. 2016: where each is glad (1) or sad (-1), evenly over the text.
const ARCS: &[(Word, &[i8])] = &[
    ("rise", &[-1, 1]),
    ("fall", &[1, -1]),
    ("fall_rise", &[1, -1, 1]),
    ("rise_fall", &[-1, 1, -1]),
    ("rise_fall_rise", &[-1, 1, -1, 1]),
    ("fall_rise_fall", &[1, -1, 1, -1]),
];

/// Lines of the shortest text that has room for all turns of an arc.
const LINES_WITH_ARC_MIN: usize = 16;

/// Which word of a line says what: the first begins it, and the last is its rhyme. A line has four at least.
const FEELING: usize = 1;
const THEME: usize = 2;

/// Plants a theme and, where there is no chorus, an arc in `verse`. `russian` chooses the words.
pub fn plant(verse: &mut Verse, russian: bool, draws: &mut Draws) -> Sense {
    let language = usize::from(russian);
    let theme = draws.pick(THEMES);
    let words = |list: Word| list.split_whitespace().collect::<Vec<Word>>();
    let (of_theme, glad, sad) = (words(theme.words[language]), words(GLAD[language]), words(SAD[language]));
    for stanza in verse.stanzas.iter_mut().chain(&mut verse.chorus) {
        stanza.iter_mut().for_each(|line| line.words[THEME] = draws.pick::<Word>(&of_theme));
    }
    let count = verse.stanzas.iter().map(Stanza::len).sum::<usize>();
    let arc = draws.pick(ARCS);
    if verse.chorus.is_some() || count < LINES_WITH_ARC_MIN {
        return Sense { theme: theme.name, arc: None };
    }
    let (name, levels) = arc;
    for (number, line) in verse.stanzas.iter_mut().flatten().enumerate() {
        let feeling = if levels[number * levels.len() / count] > 0 { &glad } else { &sad };
        line.words[FEELING] = draws.pick::<Word>(feeling);
    }
    Sense { theme: theme.name, arc: Some(name) }
}
