//! Profane words of English.

use std::sync::LazyLock;

use super::Starts;

/// Words that count as they stand, with or without `'s`.
pub(super) const WORDS: &str = "\
    beaner beaners bellend bellends bitchass clit clits cums darkie darkies fag fagging faggy fags fck fcked fcker \
    fckers fckin fcking fckn fcks fkn fucc fuk fuked fukin fuking fukkin fukking fuks fvck fxck gook gooks gtfo jism \
    kike kikes kunt kunts milf milfs mofo mofos nigguh nigguhs paki pakis piss pissed pisser pissers pisses pissin \
    pissing pissy poontang punani pussies pussy pussys shat sheeit shiet slut sluts slutted slutting slutty spic \
    spics stfu tits titties titty trannies tranny twat twats wank wanked wankin wanking wanks wanky wtf \
    zipperhead zipperheads";

/// Starts of words that count whatever follows.
const STARTS: &str = "\
    apeshit arsehole arsewipe assclown assface asshat asshole assholic asslick assmunch asswipe batshit beeyatch \
    beyotch biatch biotch birdshit bitch biyatch blowjob bollock bullshit bumhole buttfuck buttplug byatch \
    carpetmunch chickenshit cockblock cockhead cocksmok cocksuck cocktease cowshit crackwhore cumbucket cumdump \
    cumguzzl cumming cumshot cunt deepthroat dickface dickhead dickless dicklick dicksuck dickwad dickweed dipshit \
    dogshit dumbshit faggot felching fudgepack gangbang gobshit handjob holyshit horseshit jackoff jackshit jerkoff \
    jigaboo jiggaboo jizz knobhead mothafu mothaphuk motherfu muffdiv muhfu muthafu mutherfu muzzafu nigga nigger \
    niglet nignog phuck phuk pisshead pissoff pisspot pusshole pussyass pussyhole raghead rimjob shit skankbitch \
    slutbag slutwhore sonofabitch sonofbitch spearchucker suckmydick titfuck titjob towelhead twatface twatt wanker \
    wankst wetback whore whoring wigger";

/// What begins like a profane word and is none: the family, the miser, the mushroom, the wood of the Bible, the dog.
const CLEAN: &str = "cummings niggard shitak shitim shitsu shittah shittim shitzu";

static STARTS_SORTED: LazyLock<Starts> = LazyLock::new(|| Starts::of(STARTS));
static CLEAN_SORTED: LazyLock<Starts> = LazyLock::new(|| Starts::of(CLEAN));

/// Whether a word begins with a profane one, has the one in it that no clean word has, or is one with an ending after an
/// apostrophe.
pub(super) fn is_profane(word: &str) -> bool {
    let begins = STARTS_SORTED.any_begins(word) && !CLEAN_SORTED.any_begins(word);
    begins || contains_fuck(word) || word.split_once('\'').is_some_and(|(whole, _)| is_whole(whole))
}

fn is_whole(word: &str) -> bool {
    WORDS.split_whitespace().any(|whole| whole == word)
}

/// `motherfucker`, `unfuckable`, `fuckin'`: no other word of English has these letters in a row.
fn contains_fuck(word: &str) -> bool {
    word.as_bytes().windows(4).any(|letters| letters == b"fuck")
}
