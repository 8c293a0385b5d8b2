//! Profane words of Russian: by their roots, since a root has hundreds of words.

use std::sync::LazyLock;

use super::Starts;

/// Words that count as they stand: those whose first letters others have too (жидкий, педикюр, мандарин, хачапури).
pub(super) const WORDS: &str = "\
    блеать блэт бля говен жид жида жидам жидами жидах жиде жидов жидом жиду жиды курва курвам курвами курвах курве \
    курвой курву курвы манда манде мандой манду манды млять мудила мудни мудня насрал нах ниггам ниггами нигги \
    ниггой ниггу нигеры обосрал обсер педик педика педикам педиками педиках педике педики педиков педиком педику \
    посрал посрала посрали посрать срал срала срали срать срет срут ссал ссала ссали ссать ссут ссышь сука сукам \
    суками суках суке суки сукой сукою суку сучек сученыш сучий сучка сучкам сучками сучке сучки сучкой сучку хач \
    хача хачам хачей хачи хачик хачика хачики хачиков хули чмо чурка чуркам чурками чурке чурки чуркой чурку чурок";

/// Starts of words that count whatever follows.
const STARTS: &str = "\
    вздроч высер высрал высрат гандон говенн говены говн гондон додроч дроч жидовк жидовс жидяр задроч залуп засран \
    засрат засса зассы йоба йобн йобт мандавош минетч мудак мудач мудил мудоз мудох надроч насрала насрали насрано \
    насрать нассал нассат нигга ниггер обдроч обосра обосса обоссы обсира отдроч отмудох педераст педрил передроч \
    пздц пидар пидер пидор пидр подроч поссал поссат просрал просрат сран ссан ссук ссык сукин сучар сучон узкоглаз \
    усрал усрат черножоп черномаз чмош чмыр шалав шлюх шлюш";

static STARTS_SORTED: LazyLock<Starts> = LazyLock::new(|| Starts::of(STARTS));

/// Sorted. What may stand before the root `ху`; not `стра`, `пси`, `ти`, `су` (страхуй, психуй, тихую, сухую).
const BEFORE_KHU: &[&str] = &[
    "", "а", "в", "вы", "до", "за", "из", "ис", "на", "не", "недо", "ни", "о", "об", "одно", "от", "пере", "по", "под",
    "подо", "при", "про", "раз", "рас", "с", "у",
];

/// Sorted. What may stand before the root `еб`; not `с`, `т`, `в`, `хл`, `потр`, `гр` (себе, тебе, вебмастер, хлебать).
const BEFORE_EB: &[&str] = &[
    "",
    "въе",
    "вы",
    "до",
    "доза",
    "долба",
    "долбо",
    "за",
    "козо",
    "мозго",
    "на",
    "наза",
    "насто",
    "не",
    "недо",
    "осто",
    "от",
    "отза",
    "пере",
    "переза",
    "по",
    "подза",
    "поза",
    "пона",
    "при",
    "про",
    "раз",
    "ско",
    "ското",
    "у",
    "худо",
];

/// Whether a word, without `ё`, has a profane root.
pub(super) fn is_profane(word: &str) -> bool {
    if STARTS_SORTED.any_begins(word) {
        return true;
    }
    word.char_indices().any(|(at, letter)| {
        let (before, root) = word.split_at(at);
        match letter {
            'б' => root.starts_with("бляд") || before.is_empty() && root.starts_with("блят"),
            'е' => root.strip_prefix("еб").is_some_and(|after| is_eb(before, after)),
            'п' => root.starts_with("пизд") || root.starts_with("пизж") || root.starts_with("пезд"),
            'х' => root.strip_prefix("ху").is_some_and(|after| is_khu(before, after)),
            _ => false,
        }
    })
}

/// With one of the endings of хуй, or what is made of it: хуйня, хуярить, хуесос; `ху` alone begins clean words.
fn is_khu(before: &str, after: &str) -> bool {
    after.starts_with(['й', 'я', 'ю', 'е', 'и']) && BEFORE_KHU.binary_search(&before).is_ok()
}

/// After a hard sign always (подъёб); elsewhere after a prefix. Ебург is a city, Ебаноидзе a family.
fn is_eb(before: &str, after: &str) -> bool {
    if before.ends_with('ъ') {
        return true;
    }
    let begins = after.is_empty() || after.starts_with(|next| "аеиоуыэюялнтскцчшщ".contains(next));
    let is_name = after.starts_with("ург") || after.starts_with("аноидз");
    begins && !is_name && BEFORE_EB.binary_search(&before).is_ok()
}
