//! The house rules that a compiler does not check: which module imports which (docs/architecture.md), how long a file may
//! be, and that every file says what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The most lines that a source file may have; shorter files are better.
const MOST_LINES: usize = 600;

/// Crates that only these modules may use, because each of them talks to the outside world.
const OWNED_CRATES: [(&str, &[&str]); 11] = [
    ("arrow_flight", &["serve"]),
    ("openssl", &["feed", "hmac", "live", "serve", "tls"]),
    ("rdkafka", &["log"]),
    ("tokio_native_tls", &["cluster", "grpc", "serve", "tls"]),
    ("datafusion_distributed", &["cluster"]),
    ("tonic", &["cluster", "grpc", "serve"]),
    ("tokio_tungstenite", &["feed"]),
    ("ureq", &["live", "recording", "track"]),
    ("rustyline", &["repl"]),
    ("httparse", &["metrics"]),
    ("prometheus_client", &["metrics"]),
];

/// Modules outside the layers, which every module may import.
const LEAVES: [&str; 6] = ["durable", "engine", "error", "hmac", "text", "tls"];

/// Files that use slices and must not use the query engine.
const WITHOUT_ENGINE: [&str; 2] = ["src/model/", "src/rolling/kernel"];

struct Source {
    /// Relative to the package, with `/`.
    path: String,
    text: String,
    code: String,
}

impl Source {
    /// Returns the top-level module that the file belongs to; `None` for `lib.rs` and `main.rs`.
    fn module(&self) -> Option<&str> {
        let path = self.path.strip_prefix("src/")?;
        match path.split_once('/') {
            Some((module, _)) => Some(module),
            None => path.strip_suffix(".rs").filter(|name| !["lib", "main"].contains(name)),
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut folders = vec![root().join("src")];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        Source { path, code: code(&text), text }
    };
    files.into_iter().map(read).collect()
}

/// Returns the modules that `lib.rs` lists, in its order, and for each whether a doc comment precedes it.
fn listed_modules() -> Vec<(String, bool)> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let mut documented = false;
    let mut modules = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("pub mod ") {
            modules.push((name.trim_end_matches(';').to_string(), documented));
        }
        documented = line.starts_with("///");
    }
    modules
}

/// Returns, for each module, the modules that the table of docs/architecture.md lets it import. Every module may import the
/// [`LEAVES`].
fn rules(architecture: &str, modules: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut rules = BTreeMap::new();
    let mut lines = architecture.lines().skip_while(|line| !line.starts_with("| module | may import |"));
    for row in lines.by_ref().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let mut allowed: BTreeSet<String> =
            backquoted(cells[2]).filter(|name| modules.contains(*name)).map(Into::into).collect();
        if cells[2] == "all" {
            allowed = modules.clone();
        }
        allowed.extend(LEAVES.map(String::from));
        for module in backquoted(cells[1]) {
            rules.insert(module.to_string(), allowed.clone());
        }
    }
    rules
}

fn backquoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn modules_import_only_what_the_architecture_says() {
    let architecture = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let modules: BTreeSet<String> = listed_modules().into_iter().map(|(name, _)| name).collect();
    let rules = rules(&architecture, &modules);
    assert_eq!(rules.keys().collect::<Vec<_>>(), modules.iter().collect::<Vec<_>>(), "the table lists every module");
    let mut broken = Vec::new();
    for source in sources() {
        let Some(module) = source.module() else { continue };
        for import in imports(&source.code) {
            // A name that is not a module would be an item at the crate's root, and there are no such items.
            if import != module && modules.contains(&import) && !rules[module].contains(&import) {
                broken.push(format!("{}: `{module}` imports `{import}`", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "docs/architecture.md forbids:\n{}", broken.join("\n"));
}

#[test]
fn crates_that_reach_outside_have_owners() {
    let mut broken = Vec::new();
    for source in sources() {
        for (name, owners) in OWNED_CRATES {
            if !source.module().is_some_and(|module| owners.contains(&module)) && has_word(&source.code, name) {
                broken.push(format!("{} uses {name}, which only {owners:?} does", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn numerics_see_slices_and_not_the_engine() {
    let sources = sources();
    for prefix in WITHOUT_ENGINE {
        let files: Vec<&Source> = sources.iter().filter(|source| source.path.starts_with(prefix)).collect();
        let broken: Vec<&str> = files
            .iter()
            .filter(|source| has_word(&source.code, "datafusion"))
            .map(|source| source.path.as_str())
            .collect();
        assert!(broken.is_empty(), "{prefix}* uses DataFusion in {broken:?}");
    }
}

#[test]
fn the_library_lists_and_describes_every_module() {
    let listed = listed_modules();
    let undocumented: Vec<_> = listed.iter().filter(|(_, documented)| !documented).collect();
    assert!(undocumented.is_empty(), "{undocumented:?}");
    let names: BTreeSet<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
    let sources = sources();
    let present: BTreeSet<&str> = sources.iter().filter_map(Source::module).collect();
    assert_eq!(names, present);
}

#[test]
fn every_file_says_what_it_is_and_stays_short() {
    let mut broken = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > MOST_LINES {
            broken.push(format!("{} has {lines} lines: split it", source.path));
        }
        if !source.text.starts_with("//! ") {
            broken.push(format!("{} does not begin with what it is (`//! …`)", source.path));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn imports_are_found_in_every_form() {
    let text = r##"
        use crate::alpha::Beta;
        use crate::{beta::{One, Two}, gamma};
        pub(crate) fn f() -> crate::delta::D { "crate::string::X"; r#"crate::raw::"Y""#; '"'; crate :: epsilon::new() }
        // crate::comment::Z
        /* crate::block::Z */ $crate::zeta!();
        let lifetime: &'static str = "crate::after_lifetime";
        mycrate::other();
    "##;
    let found: Vec<String> = imports(&code(text)).into_iter().collect();
    assert_eq!(found, ["alpha", "beta", "delta", "epsilon", "gamma", "zeta"]);
}

#[test]
fn rules_are_read_from_the_table() {
    let modules = ["a", "b", "c", "error"].map(String::from).into();
    let table = "text\n| module | may import | x |\n|---|---|---|\n| `a`, `b` | `c` (`Names` only) | y |\n| `c` | all | z |\n\nend";
    let rules = rules(table, &modules);
    assert_eq!(rules["b"], ["c", "durable", "engine", "error", "hmac", "text", "tls"].map(String::from).into());
    assert_eq!(
        rules["c"],
        ["a", "b", "c", "durable", "engine", "error", "hmac", "text", "tls"].map(String::from).into()
    );
    assert_eq!(rules.len(), 3);
}

/// Returns the top-level modules that the code names after `crate::`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate") {
        let inside_a_word = code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let Some(path) = code[at + "crate".len()..].trim_start().strip_prefix("::") else { continue };
        let path = path.trim_start();
        if inside_a_word {
            continue;
        }
        match path.strip_prefix('{') {
            Some(group) => found.extend(group_heads(group)),
            None => {
                found.insert(identifier(path));
            }
        }
    }
    found
}

/// Returns the first names of a `{a::b, c}` group, given what follows its brace.
fn group_heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut heads = vec![identifier(group.trim_start())];
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(identifier(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn has_word(code: &str, word: &str) -> bool {
    let boundary = |c: Option<char>| c.is_none_or(|c| !(c.is_alphanumeric() || c == '_'));
    code.match_indices(word)
        .any(|(at, _)| boundary(code[..at].chars().next_back()) && boundary(code[at + word.len()..].chars().next()))
}

/// Returns the text without comments, strings and characters.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| raw_string(rest)).or_else(|| string(rest)).or_else(|| character(rest));
        match skipped {
            Some(length) => {
                code.push(' ');
                rest = &rest[length..];
            }
            None => {
                code.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    code
}

fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    text.starts_with("/*").then(|| text.find("*/").map_or(text.len(), |end| end + 2))
}

fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(1 + hashes + 1 + length)
}

fn string(text: &str) -> Option<usize> {
    let body = text.strip_prefix('"')?;
    let mut escaped = false;
    for (at, character) in body.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 2),
            _ => {}
        }
    }
    Some(text.len())
}

/// Returns the length of a character literal. A lifetime is not one, because no quote follows it.
fn character(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    let first = body.chars().next()?;
    if first == '\\' {
        let end = body[2..].find('\'')?;
        return Some(1 + 2 + end + 1);
    }
    body[first.len_utf8()..].starts_with('\'').then(|| first.len_utf8() + 2)
}
