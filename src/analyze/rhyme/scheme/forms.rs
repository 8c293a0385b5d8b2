//! Stanza forms that handbooks name.

/// Octaves of the Italian sonnet, and the way of Sidney.
const OCTAVES: &[&str] = &["abbaabba", "abbaacca", "abababab"];
/// Its sestets: "various arrangements of two or three new rhymes" (Princeton Encyclopedia), each twice or thrice.
const SESTETS: &[&str] = &[
    "uuvvww", "uuvwvw", "uuvwwv", "uvuvww", "uvuwvw", "uvuwwv", "uvvuww", "uvwuvw", "uvwuwv", "uvvwuw", "uvwvuw",
    "uvwwuv", "uvvwwu", "uvwvwu", "uvwwvu", "uvuvuv", "uvuvvu", "uvuuvv", "uvvuuv", "uvvuvu", "uvvvuu", "uuvvuv",
    "uuvvvu", "uuvuvv", "uuuvvv",
];
/// How often each of these counts as seen, if a form with a name of its own counts once.
const ITALIAN_COUNT: f64 = 0.3;

/// Every form, with how often it counts as seen.
pub(super) fn all() -> impl Iterator<Item = (Vec<u8>, f64)> {
    let italian = OCTAVES.iter().flat_map(|octave| SESTETS.iter().map(move |sestet| format!("{octave}{sestet}")));
    let named = FORMS.iter().map(|(_, letters)| (classes(letters), 1.0));
    named.chain(italian.map(|letters| (classes(&letters), ITALIAN_COUNT)))
}

/// Each with the letters of its lines; `x` rhymes with none. Sources: Turco, The Book of Forms (1968); Fussell, Poetic
/// Meter and Poetic Form (1965); The Princeton Encyclopedia of Poetry and Poetics (1974).
const FORMS: &[(&str, &str)] = &[
    ("couplet", "aa"),
    ("triplet", "aaa"),
    ("enclosed tercet", "aba"),
    ("common metre", "abab"),
    ("ballad", "xaxa"),
    ("envelope, In Memoriam", "abba"),
    ("couplets", "aabb"),
    ("rubai", "aaxa"),
    ("monorhyme", "aaaa"),
    ("limerick", "aabba"),
    ("quintain", "ababb"),
    ("quintain, Sicilian", "ababa"),
    ("quintain, English", "abaab"),
    ("Venus and Adonis", "ababcc"),
    ("tail rhyme", "aabccb"),
    ("Burns stanza", "aaabab"),
    ("long ballad", "xaxaxa"),
    ("sestet, Sicilian", "ababab"),
    ("sestet, Italian", "abcabc"),
    ("sestet of couplets", "aabbcc"),
    ("sestet, enclosed", "abbacc"),
    ("tail rhyme of one sound", "aabaab"),
    ("rhyme royal", "ababbcc"),
    ("rhyme royal, French", "ababacc"),
    ("ottava rima", "abababcc"),
    ("double quatrain", "ababcdcd"),
    ("double ballad", "xaxaybyb"),
    ("Monk's tale", "ababbcbc"),
    ("brace octave", "abbaabba"),
    ("brace octave, two sounds more", "abbacddc"),
    ("octave of couplets", "aabbccdd"),
    ("Spenserian", "ababbcbcc"),
    ("curtal", "abcabcdbd"),
    ("ode of Keats", "ababcdecde"),
    ("decastich", "ababbcdccd"),
    ("decastich of couplets", "aabbccddee"),
    ("decastich with a couplet", "ababcdcdee"),
    ("ode of Keats, Autumn", "ababcdedcce"),
    ("tail rhyme, double", "aabccbddbeeb"),
    ("twelve lines", "ababcdcdefef"),
    ("twelve lines of couplets", "aabbccddeeff"),
    ("sonnet, English", "ababcdcdefefgg"),
    ("sonnet, Spenserian", "ababbcbccdcdee"),
    ("sonnet of Sidney", "abbaabbacdcdee"),
    ("sonnet of Sidney, alternate", "ababababcdcdee"),
    ("sonnet of Sidney, English end", "ababbabacdcdee"),
    ("sonnet of Sidney, couplets", "abbaabbaccdeed"),
    ("sonnet of Surrey", "abbacddceffegg"),
    ("sonnet, Wordsworth", "abbaaccadedede"),
    ("sonnet of couplets", "aabbccddeeffgg"),
    ("Onegin stanza", "ababccddeffegg"),
    ("terza rima", "ababcbcdcdd"),
    ("terza rima, sonnet", "ababcbcdcdedee"),
    ("terza rima, ode", "ababcbcdcded"),
];

/// Classes by the order of their first lines; `x`, `y` at any place rhyme with none.
fn classes(letters: &str) -> Vec<u8> {
    let mut known: Vec<char> = Vec::new();
    let class = |letter: char| {
        let at = known.iter().position(|&one| one == letter && !matches!(letter, 'x' | 'y')).unwrap_or_else(|| {
            known.push(letter);
            known.len() - 1
        });
        u8::try_from(at).unwrap_or(u8::MAX)
    };
    letters.chars().map(class).collect()
}
