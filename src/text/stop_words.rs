//! Words that say nothing of what a query is about: articles, pronouns, prepositions, conjunctions, auxiliaries and the words
//! of questions. They are left out of queries alone; an index has them, for phrases. Ordered.

/// In English.
#[rustfmt::skip]
pub(super) const ENGLISH: &[&str] = &[
    "a", "about", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "being", "between", "but",
    "by", "can", "could", "did", "do", "does", "during", "for", "from", "had", "has", "have", "he", "her", "hers",
    "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "many", "me", "much", "my", "no", "not", "of",
    "on", "or", "our", "ours", "shall", "she", "should", "some", "such", "than", "that", "the", "thee", "their",
    "theirs", "them", "then", "there", "these", "they", "this", "those", "thou", "thy", "to", "was", "we", "were",
    "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "would", "ye", "you", "your",
    "yours",
];

/// In Russian, `ё` as `е`.
#[rustfmt::skip]
pub(super) const RUSSIAN: &[&str] = &[
    "а", "без", "был", "была", "были", "было", "быть", "в", "вам", "вас", "во", "вот", "все", "вы", "где", "да", "даже",
    "для", "до", "его", "ее", "ей", "ему", "если", "есть", "еще", "же", "за", "и", "из", "или", "им", "их", "к", "как",
    "какая", "какие", "каких", "какое", "какой", "ко", "когда", "которая", "которые", "который", "кто", "ли", "мне",
    "мы", "на", "над", "нас", "не", "него", "нее", "ней", "нет", "ни", "них", "но", "о", "об", "он", "она", "они",
    "оно", "от", "по", "под", "почему", "при", "с", "сам", "себе", "себя", "сколько", "со", "так", "также", "там", "те",
    "тебя", "тем", "то", "того", "тоже", "той", "только", "том", "ты", "у", "уже", "чего", "чем", "что", "чтобы", "эта",
    "эти", "это", "этого", "этой", "этом", "этот", "я",
];
