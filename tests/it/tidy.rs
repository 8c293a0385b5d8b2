//! Tidiness: who names whom, how long files may be, what must not be there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const FOUNDATIONS: &[&str] = &["error", "limits", "name", "clock", "config", "statistics", "telemetry", "text"];

/// What each module may name beside the foundations. `src/ARCHITECTURE.md` has the same table for people.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("definition", &[]),
    ("analyze", &[]),
    ("model", &[]),
    ("store", &[]),
    ("state", &[]),
    ("engine", &["analyze", "model"]),
    ("compile", &["definition", "analyze", "model", "engine"]),
    ("ingest", &["definition", "engine", "store"]),
    ("materialize", &["compile", "definition", "analyze", "model", "engine", "store"]),
    ("pipeline", &["definition", "compile", "engine", "materialize", "store"]),
    ("query", &["engine", "store"]),
    ("analysis", &["definition", "analyze", "model", "engine", "store"]),
    ("online", &["engine", "store"]),
    ("search", &["engine", "model", "store"]),
    ("insight", &["engine", "model", "search", "store"]),
    ("dataset", &["definition", "engine", "query", "store"]),
    ("evaluate", &["analyze"]),
    ("jobs", &["state", "store"]),
    ("access", &["state"]),
    ("experiments", &["access", "state"]),
    (
        "app",
        &[
            "definition",
            "analyze",
            "model",
            "analysis",
            "store",
            "engine",
            "compile",
            "ingest",
            "materialize",
            "pipeline",
            "query",
            "online",
            "dataset",
            "state",
            "jobs",
            "access",
            "experiments",
            "search",
        ],
    ),
    (
        "api",
        &[
            "app",
            "analysis",
            "model",
            "engine",
            "store",
            "state",
            "ingest",
            "query",
            "online",
            "search",
            "insight",
            "dataset",
            "jobs",
            "access",
            "experiments",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "api",
            "analyze",
            "definition",
            "model",
            "compile",
            "engine",
            "store",
            "ingest",
            "materialize",
            "pipeline",
            "query",
            "search",
            "insight",
            "dataset",
            "evaluate",
            "access",
            "state",
            "experiments",
        ],
    ),
    ("main", &["cli"]),
];

/// Lines of the longest file. It only goes down.
const LONGEST_FILE_LINES: usize = 410;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files under `folder`, with their text, ordered.
fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files);
    files.sort();
    files.iter().map(|(path, text)| (path.strip_prefix(root()).unwrap().to_owned(), text.clone())).collect()
}

/// The top-level module that a file belongs to.
fn module(path: &Path) -> String {
    let part = path.components().nth(1).unwrap().as_os_str().to_string_lossy().into_owned();
    part.trim_end_matches(".rs").to_owned()
}

/// The code of a file, without its comments.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The names that follow `crate::` or `rhapsode::` in `text`, groups (`use crate::{a, b}`) included.
fn named(text: &str, root: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices(&format!("{root}::")) {
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &text[at + root.len() + 2..];
        let group = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(group, _)| group);
        for item in group.unwrap_or(rest).split(if group.is_some() { ',' } else { '\0' }) {
            let name: String = item.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            names.insert(name);
        }
    }
    names
}

#[test]
fn modules_name_only_what_stands_above_them() {
    let table: BTreeMap<&str, &[&str]> = MAY_NAME.iter().copied().collect();
    let known: BTreeSet<&str> = table.keys().copied().chain(FOUNDATIONS.iter().copied()).collect();
    let mut faults = Vec::new();
    for (path, text) in rust_files("src") {
        let module = module(&path);
        if module == "lib" {
            continue;
        }
        let text = code(&text);
        let names = named(&text, if module == "main" { "rhapsode" } else { "crate" });
        for name in names.iter().filter(|name| known.contains(name.as_str()) && **name != module) {
            let foundation = FOUNDATIONS.contains(&name.as_str());
            let allowed = match table.get(module.as_str()) {
                Some(allowed) => foundation || allowed.contains(&name.as_str()),
                // Foundations name each other.
                None => foundation,
            };
            if !allowed {
                faults.push(format!("{}: names `{name}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "against the table in tidy.rs:\n{}", faults.join("\n"));
}

#[test]
fn each_outer_world_has_one_door() {
    // What stands for it in code, and the only files that may say it.
    let doors: &[(&str, &[&str])] = &[
        ("lance::", &["src/store.rs", "src/store/"]),
        ("axum", &["src/api.rs", "src/api/"]),
        ("env::var", &["src/config.rs"]),
        ("Utc::now", &["src/clock.rs"]),
        ("Instant::now", &["src/clock.rs"]),
        ("SystemTime", &["src/clock.rs"]),
        ("\"feature_defs\"", &["src/definition/load.rs"]),
        ("anyhow", &["src/cli.rs", "src/cli/", "src/main.rs"]),
        ("println!", &["src/cli.rs", "src/cli/", "src/main.rs"]),
    ];
    let mut faults = Vec::new();
    for (path, text) in rust_files("src") {
        let path = path.display().to_string();
        let text = code(&text);
        for (word, allowed) in doors {
            let said = text
                .match_indices(word)
                .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
            if said && !allowed.iter().any(|door| path.starts_with(door)) {
                faults.push(format!("{path}: says `{word}`"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_stay_short_and_say_what_they_are() {
    let generic = ["utils", "util", "helpers", "helper", "common", "misc", "manager", "mod"];
    let mut longest = 0;
    for (path, text) in rust_files("src").into_iter().chain(rust_files("tests")) {
        let shown = path.display();
        assert!(text.starts_with("//! "), "{shown}: the first line says what the file is for");
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(!generic.contains(&stem.as_str()), "{shown}: the name says nothing");
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE_LINES, "{shown} has {lines} lines; the longest may have {LONGEST_FILE_LINES}");
        longest = longest.max(lines);
    }
    assert!(longest + 40 > LONGEST_FILE_LINES, "the longest file has {longest} lines: lower LONGEST_FILE_LINES");
}

#[test]
fn no_file_is_dead() {
    let files = rust_files("src");
    let declared: BTreeSet<PathBuf> = files
        .iter()
        .flat_map(|(path, text)| {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            let folder = match stem.as_str() {
                "lib" | "main" => path.parent().unwrap().to_owned(),
                stem => path.parent().unwrap().join(stem),
            };
            let modules = text.lines().filter_map(|line| line.trim().strip_suffix(';')).filter_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                (words.len() >= 2 && words[words.len() - 2] == "mod").then(|| words[words.len() - 1].to_owned())
            });
            modules.map(move |module| folder.join(format!("{module}.rs"))).collect::<Vec<_>>()
        })
        .collect();
    for (path, _) in &files {
        let is_root = matches!(path.to_str(), Some("src/lib.rs" | "src/main.rs"));
        assert!(is_root || declared.contains(path), "{}: no module declares it", path.display());
    }
}

#[test]
fn one_arrow_one_datafusion_one_lance() {
    let lock: toml::Table = toml::from_str(&std::fs::read_to_string(root().join("Cargo.lock")).unwrap()).unwrap();
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap().to_owned();
        versions.entry(name).or_default().insert(package["version"].as_str().unwrap().to_owned());
    }
    for name in
        ["arrow", "arrow-array", "arrow-schema", "parquet", "datafusion", "datafusion-common", "lance", "axum", "hyper"]
    {
        assert_eq!(versions[name].len(), 1, "{name}: {:?}", versions[name]);
    }
}

#[test]
fn unwrap_and_ignored_tests_are_absent() {
    for (path, text) in rust_files("src") {
        let text = code(&text);
        for word in [".unwrap()", "todo!(", "unimplemented!(", "dbg!("] {
            assert!(!text.contains(word), "{}: says `{word}`", path.display());
        }
    }
    let ignored = format!("#[{}", "ignore");
    for (path, text) in rust_files("tests") {
        assert!(!text.contains(&ignored), "{}: ignores a test", path.display());
    }
}

#[test]
fn generated_schemas_are_up_to_date() {
    let generated = [
        ("schemas/definition.json", rhapsode::definition::json_schema()),
        ("schemas/openapi.json", serde_json::to_value(rhapsode::api::openapi()).unwrap()),
    ];
    for (path, generated) in generated {
        let kept = std::fs::read_to_string(root().join(path)).unwrap_or_default();
        let wanted = format!("{}\n", serde_json::to_string_pretty(&generated).unwrap());
        assert!(kept == wanted, "{path} is out of date: `make schemas` writes it anew");
    }
}

#[test]
fn every_metric_is_documented() {
    let documented = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let described = std::fs::read_to_string(root().join("src/telemetry.rs")).unwrap();
    let names = described.match_indices("!(\"rhapsode_").map(|(at, _)| {
        let rest = &described[at + 3..];
        rest[..rest.find('"').unwrap()].to_owned()
    });
    let names: Vec<String> = names.collect();
    assert!(names.len() > 5);
    for name in names {
        assert!(documented.contains(&format!("`{name}`")), "docs/metrics.md lacks `{name}`");
    }
}
