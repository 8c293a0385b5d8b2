//! Words that say how a sentence is built and not what it is about, English and Russian.
//!
//! Written by hand for verse, old forms and sung syllables included. Words that a theme may turn on, such as `alone` or
//! `никто`, are not here.

use std::sync::LazyLock;

use hashbrown::HashSet;

static STOP_WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| ENGLISH.split_whitespace().chain(RUSSIAN.split_whitespace()).collect());

/// By the word as it is written, and by what stands before its apostrophe: `we'll` is `we`.
pub(super) fn is_stop_word(word: &str) -> bool {
    let before = word.split_once('\'').map(|(before, _)| before);
    STOP_WORDS.contains(word) || before.is_some_and(|word| STOP_WORDS.contains(word)) || is_short_number(word)
}

/// Numbers say little without what they count.
fn is_short_number(word: &str) -> bool {
    word.len() <= 3 && word.bytes().all(|byte| byte.is_ascii_digit())
}

const ENGLISH: &str = "
a about above across after again against ago ain ain't all almost along already also although always am amid among an
and another any anyone anything anyway are aren't around art as at away back be became because become been before
behind being below beneath beside between beyond both but by came can can't cannot canst cause come comes coming could
couldn couldst cuz did didn didst do does doesn doing don done dost doth down each either else em enough ere even ever
every everyone everything far few for forth from gave get gets getting give given gives go goes going gone gonna got
gotta had hadn hast hath has hasn have haven having he hence her here hers herself him himself his hither how however i
i'd i'll i'm i've if in indeed into is isn it it's its itself just keep keeps kept know knew knows known last lest let
let's like ll made make makes making many may maybe me might mine more most much must my myself nay near ne'er neath
need neither never next nigh no none nor not nothing now o o'er oer of off oft often oh ok okay on once one ones only
onto or other others ought our ours ourselves out over own per perhaps put quite rather really s said same sat saw say
says see seem seems seen set shall shalt she should shouldn since so some someone something soon still such take taken
takes tell tells than that that's the thee their theirs them themselves then thence there there's therefore these they
thing things think this thither those thou though through throughout thus thy thyself till tis to together told too took
toward towards 'tis twas two under until unto up upon us use used very wanna was wasn way we well went were weren what
whate'er when whence where wherefore whether which while whilst whither who whoever whom whose why will wilt with within
without won't would wouldn wouldst ya yea yeah yes yet yo you your yours yourself t d m re ve n ah ha hey la na ooh uh
whoa hmm mmm lo behold oo aye did'st can'st first ca wo ai three four five
";

const RUSSIAN: &str = "
а ах без бы был была были было быть в вам вами вас ваш ваша ваше вашей вашем ваши ваших вдруг ведь весь во вон вот все
всего всей всем всеми всему всех всею всё вся всю вы где да даже для до его ее её ей ему если есть еще ещё ею ж же за
зачем здесь и из изо или им ими иначе их к каждая каждого каждой каждом каждый каждую как какая какие каким каких какое
какой какого какую ко когда кого кому конечно который которая которое которые которых которой которого которым которую
кто куда лишь ли ль между меж меня мне много мной мною мог могла могли могу можем может можно мой моя моё мое моего
моей моему моём моем мои моим моими моих мою мы на над надо нам нами нас наш наша наше нашего нашей нашем наши нашим
нашими наших нашу не него нее неё ней нём нем нему нет нету ни нибудь ним ними них ничто ничего но ну о об однажды один
одна одно одни одного одной одном одну ой ох он она они оно от ото очень перед по под подо пока пор пора после потому
потом почему почти при про просто пусть раз разве с сам сама сами само самый самая самое самые самой себе себя собой
собою свой своя своё свое своего своей своему своём своем свои своим своими своих свою сейчас со снова совсем столько
так такая такие таким таких такое такой такого такую там твой твоя твоё твое твоего твоей твоему твоём твоем твои твоим
твоими твоих твою те тебе тебя тем теми тех теперь то тобой тобою тогда того тоже той только том тому тот точно ту тут
ты тою у уж уже хоть хотя чего чей чем чему через что чтоб чтобы чуть чьи чья эта эти этим этими этих это этого этой
этом этому этот эту эх эй я опять сюда туда оттуда отсюда либо вновь едва словно будто ибо иль кой коль сквозь среди
вроде два две двух сколько кем ком три трех трёх четыре пять буду будет будем будете будешь будут будь стал стала стали стало стать
может быть другой другая другое другие других другого другому другим другую
";
