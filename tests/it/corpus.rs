//! The synthetic corpus: what is planted is there, and nothing else.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use rhapsode::cli::corpus::synthetic::{Made, Recipe, write};
use serde_json::{Value, json};

/// A corpus as made, by line.
pub struct Corpus {
    made: Made,
    pub rows: Vec<Vec<u8>>,
    pub truth: Vec<Value>,
    summary: Value,
}

/// Large enough that everything is planted in it.
static LARGE: LazyLock<Corpus> = LazyLock::new(|| make(20_000, 7, true));

/// Which lines duplicates repeat, and which ones lose their key to a later row, by index: never the same.
const REPEATED: usize = 0;
const REPLACED: usize = 1;

#[test]
fn the_bytes_of_a_recipe_are_fixed() {
    let (_, rows, truth) = bytes(500, 1, true);
    assert!(bytes(500, 1, true) == bytes(500, 1, true));
    // Whoever changes these on purpose gives everyone another corpus: benchmarks before and after do not compare.
    assert_eq!(
        blake3::hash(&rows).to_hex().as_str(),
        "3910893d054eee5c54cca99b91e91842d1e4c5eea7a16ef84fcbc74408739e40"
    );
    assert_eq!(
        blake3::hash(&truth).to_hex().as_str(),
        "9948c0381886e0340f71a40f2deea5dd724475387119644fb5bdfe7874791bf3"
    );
    assert!(rows != bytes(500, 2, true).1);
}

#[test]
fn a_small_corpus_is_the_beginning_of_a_large_one() {
    for tracks in [0, 1, 2, 3, 1023, 1024, 5000] {
        let small = make(tracks, 7, true);
        assert_eq!(small.rows.len(), tracks);
        assert!(small.rows == LARGE.rows[..tracks], "rows of {tracks}");
        assert!(small.truth == LARGE.truth[..tracks], "truth of {tracks}");
    }
}

#[test]
fn what_was_made_is_what_the_truth_says() {
    let made = LARGE.made;
    let count = |is: &dyn Fn(&Value) -> bool| LARGE.truth.iter().filter(|truth| is(truth)).count();
    let of = |names: &str| count(&|truth| names.split(' ').any(|name| truth["planted"] == name));
    let counted = Made {
        rows: LARGE.rows.len(),
        clean: of("clean"),
        duplicates: of("exact_duplicate near_duplicate"),
        duplicate_keys: of("duplicate_key"),
        missing: of("missing_title missing_year missing_artist empty_lyrics"),
        broken: of("not_json truncated broken_year wrong_type no_track_id invalid_utf8"),
        russian: count(&|truth| truth["language"] == "ru"),
        choruses: count(&|truth| truth["chorus"] == true),
    };
    assert_eq!(made, counted);
    let kept = made.clean + made.duplicates + made.missing;
    assert_eq!(made.rows, kept + made.duplicate_keys + made.broken);
    assert_eq!(LARGE.summary["made"], serde_json::to_value(made).unwrap());
    let recipe = json!({"tracks": 20_000, "seed": 7, "faults": true});
    assert_eq!(LARGE.summary["recipe"], recipe);
}

#[test]
fn everything_is_planted_at_its_rate() {
    let mut counts = BTreeMap::new();
    for truth in &LARGE.truth {
        *counts.entry(text(truth, "planted")).or_insert(0) += 1;
    }
    let per_mille = [
        ("broken_year", 2),
        ("duplicate_key", 2),
        ("empty_lyrics", 5),
        ("exact_duplicate", 10),
        ("invalid_utf8", 1),
        ("missing_artist", 10),
        ("missing_title", 10),
        ("missing_year", 20),
        ("near_duplicate", 20),
        ("no_track_id", 1),
        ("not_json", 1),
        ("truncated", 1),
        ("wrong_type", 1),
    ];
    assert_eq!(counts.len(), per_mille.len() + 1, "{counts:?}");
    for (planted, rate) in per_mille {
        let (expected, count) = (rate * LARGE.rows.len() / 1000, counts[planted]);
        assert!(expected / 2 <= count && count <= expected * 2, "{planted}: {count}");
    }
}

#[test]
fn without_faults_all_is_clean_and_the_rest_as_it_was() {
    let clean = make(3000, 7, false);
    assert_eq!((clean.made.rows, clean.made.clean), (3000, 3000));
    assert!(clean.truth.iter().all(|truth| truth["planted"] == "clean"));
    let key = |row: &Vec<u8>| text(&parse(row), "track_id").to_owned();
    assert_eq!(clean.rows.iter().map(key).collect::<HashSet<_>>().len(), 3000);
    let mut untouched = (0..3000).filter(|&index| LARGE.truth[index]["planted"] == "clean");
    assert!(untouched.clone().count() > 2000);
    assert!(untouched.all(|index| clean.rows[index] == LARGE.rows[index]));
}

#[test]
fn a_reader_rejects_the_lines_that_the_truth_says_and_no_others() {
    for (index, (row, truth)) in LARGE.rows.iter().zip(&LARGE.truth).enumerate() {
        assert_eq!(truth["line"], index + 1);
        let why = match truth["planted"].as_str().unwrap() {
            "invalid_utf8" => "not UTF-8",
            "not_json" | "truncated" => "not JSON",
            "no_track_id" => "no key",
            "broken_year" => "`year` is not an int32",
            "wrong_type" => "`lyrics` is not a string",
            _ => "",
        };
        assert_eq!(truth["expected"] == "rejected", !why.is_empty(), "{truth}");
        assert_eq!(read(row).err().unwrap_or_default(), why, "{truth}");
        if let Ok(row) = serde_json::from_slice::<Value>(row) {
            assert_eq!(truth["track_id"], row["track_id"]);
        }
    }
}

#[test]
fn a_key_comes_twice_only_where_it_was_planted() {
    let mut lines = HashMap::new();
    let all = LARGE.rows.iter().zip(&LARGE.truth);
    for (row, truth) in all.filter(|(row, _)| read(row).is_ok()) {
        let key = text(&parse(row), "track_id").to_owned();
        if truth["expected"] == "collides" {
            assert_eq!(LARGE.truth[index_of(truth)]["planted"], "clean");
            assert_eq!(lines[&key], truth["of_line"]);
            assert_eq!(index_of(truth) % 2, REPLACED, "{truth}");
            assert_ne!(parse(row)["lyrics"], earlier_row(truth)["lyrics"]);
        } else {
            assert_eq!(lines.insert(key, truth["line"].clone()), None, "{truth}");
        }
    }
}

#[test]
fn a_duplicate_repeats_an_earlier_line_that_no_later_row_replaces() {
    for (mut row, truth) in planted("exact_duplicate").chain(planted("near_duplicate")) {
        let mut earlier = earlier_row(truth);
        assert!(index_of(truth) + 1 < truth["line"].as_u64().unwrap() as usize);
        assert_eq!(index_of(truth) % 2, REPEATED, "{truth}");
        assert_eq!(earlier["track_id"].take(), truth["of_track_id"]);
        assert_ne!(row["track_id"].take(), truth["of_track_id"]);
        let (lyrics, earlier_lyrics) = (row["lyrics"].take(), earlier["lyrics"].take());
        let words = lyrics.as_str().unwrap().split(' ');
        let earlier_words = earlier_lyrics.as_str().unwrap().split(' ');
        assert_eq!(words.clone().count(), earlier_words.clone().count());
        let changed = words.zip(earlier_words).filter(|(word, earlier)| word != earlier).count();
        assert_eq!(changed as u64, truth["changed_words"].as_u64().unwrap_or(0), "{truth}");
        assert_eq!(changed > 0, truth["planted"] == "near_duplicate", "{truth}");
        assert_eq!(row, earlier, "all but the key and the lyrics");
    }
}

#[test]
fn a_missing_value_is_missing_as_the_truth_says() {
    let plants = "missing_title missing_year missing_artist empty_lyrics no_track_id";
    for (row, truth) in plants.split(' ').flat_map(planted) {
        let expected = match text(truth, "how") {
            "absent" => None,
            "null" => Some(json!(null)),
            _ => Some(json!("")),
        };
        assert_eq!(row.get(text(truth, "column")), expected.as_ref(), "{truth}");
    }
}

#[test]
fn a_clean_row_has_the_columns_of_its_source() {
    let columns = "track_id title artist year year_source book language genre lyrics";
    for (row, truth) in planted("clean") {
        let keys: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys.join(" "), columns);
        assert_eq!(row["language"], truth["language"]);
    }
}

#[test]
fn a_text_has_the_form_that_the_truth_says() {
    for (row, truth) in planted("clean") {
        let lyrics = text(&row, "lyrics").to_owned();
        let (scheme, form) = (text(truth, "scheme"), text(truth, "form"));
        let stanzas: Vec<&str> = lyrics.split("\n\n").collect();
        assert_eq!(stanzas.len(), form.len(), "{truth}");
        let lines = stanzas.len() * scheme.len();
        assert!((12..=40).contains(&lines) && (4..=8).contains(&scheme.len()), "{truth}");
        assert!(stanzas.iter().all(|stanza| stanza.lines().count() == scheme.len()), "{truth}");
        let read = form.chars().zip(&stanzas);
        let choruses: Vec<_> = read.filter(|(letter, _)| *letter == 'C').collect();
        assert_eq!(choruses.len() >= 2, truth["chorus"] == true, "{truth}");
        assert!(choruses.windows(2).all(|pair| pair[0] == pair[1]), "{truth}");
        let distinct = stanzas.iter().collect::<HashSet<_>>().len();
        assert_eq!(distinct, stanzas.len() - choruses.len().saturating_sub(1), "{truth}");
    }
}

/// The first pass puts words together that share a letter somewhere; the second sees them apart where letters differ.
#[test]
fn lines_rhyme_by_the_scheme_and_not_otherwise() {
    let stanzas: Vec<Vec<(u8, String)>> = planted("clean").flat_map(|(row, truth)| ends(&row, truth)).collect();
    let mut groups = Groups::default();
    for stanza in &stanzas {
        for (letter, word) in stanza {
            let first = stanza.iter().find(|(other, _)| other == letter).unwrap();
            groups.join(word, &first.1);
        }
    }
    for stanza in &stanzas {
        let words: HashSet<&str> = stanza.iter().map(|(_, word)| word.as_str()).collect();
        assert_eq!(words.len(), stanza.len(), "a word rhymes with itself: {stanza:?}");
        for (letter, word) in stanza {
            for (other_letter, other) in stanza {
                let rhyme = groups.of(word) == groups.of(other);
                assert_eq!(letter == other_letter, rhyme, "{word}, {other}");
            }
        }
    }
}

#[test]
fn progress_is_told_now_and_then_and_at_the_end() {
    let mut told = Vec::new();
    let recipe = Recipe { tracks: 2500, seed: 7, faults: true };
    let (mut rows, mut truth) = (std::io::sink(), std::io::sink());
    write(&recipe, &mut rows, &mut truth, &mut |lines| told.push(lines)).unwrap();
    assert_eq!(told, [1024, 2048, 2500]);
}

fn bytes(tracks: usize, seed: u64, faults: bool) -> (Made, Vec<u8>, Vec<u8>) {
    let recipe = Recipe { tracks, seed, faults };
    let (mut rows, mut truth) = (Vec::new(), Vec::new());
    let made = write(&recipe, &mut rows, &mut truth, &mut |_| {}).unwrap();
    (made, rows, truth)
}

pub fn make(tracks: usize, seed: u64, faults: bool) -> Corpus {
    let (made, rows, truth) = bytes(tracks, seed, faults);
    let rows = lines(&rows).map(<[u8]>::to_vec).collect();
    let mut truth: Vec<Value> = lines(&truth).map(parse).collect();
    let summary = truth.pop().unwrap();
    Corpus { made, rows, truth, summary }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap())
}

pub fn parse(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap()
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap()
}

/// The rows of the large corpus in which `name` was planted.
fn planted(name: &str) -> impl Iterator<Item = (Value, &'static Value)> {
    let lines = LARGE.rows.iter().zip(&LARGE.truth);
    lines.filter(move |(_, truth)| truth["planted"] == name).map(|(row, truth)| (parse(row), truth))
}

fn index_of(truth: &Value) -> usize {
    truth["of_line"].as_u64().unwrap() as usize - 1
}

fn earlier_row(truth: &Value) -> Value {
    parse(&LARGE.rows[index_of(truth)])
}

/// The rules of a reader that takes nulls but no wrong types.
fn read(line: &[u8]) -> Result<(), &'static str> {
    let line = std::str::from_utf8(line).map_err(|_| "not UTF-8")?;
    let row: Value = serde_json::from_str(line).map_err(|_| "not JSON")?;
    if row["track_id"].as_str().is_none_or(str::is_empty) {
        return Err("no key");
    }
    let is_int32 = |year: i64| i32::try_from(year).is_ok();
    if !(row["year"].is_null() || row["year"].as_i64().is_some_and(is_int32)) {
        return Err("`year` is not an int32");
    }
    let lyrics = &row["lyrics"];
    if !(lyrics.is_null() || lyrics.is_string()) {
        return Err("`lyrics` is not a string");
    }
    Ok(())
}

/// The last word of each line and its letter in the scheme, by stanza.
fn ends(row: &Value, truth: &Value) -> Vec<Vec<(u8, String)>> {
    let of_stanza = |stanza: &str| {
        let last = |line: &str| line.trim_end_matches([',', '.']).rsplit(' ').next().map(str::to_owned);
        let words = stanza.lines().filter_map(last);
        text(truth, "scheme").bytes().zip(words).collect()
    };
    text(row, "lyrics").split("\n\n").map(of_stanza).collect()
}

/// Sets of words that were joined, each known by one of its words.
#[derive(Default)]
struct Groups(HashMap<String, String>);

impl Groups {
    fn of(&self, word: &str) -> String {
        let mut root = word;
        while let Some(next) = self.0.get(root) {
            root = next;
        }
        root.to_owned()
    }

    fn join(&mut self, word: &str, other: &str) {
        let (word, other) = (self.of(word), self.of(other));
        if word != other {
            self.0.insert(word, other);
        }
    }
}
