//! The repository's text files, as a fresh clone would hold them, and exact word search in their lines.

use std::fs;
use std::path::{Path, PathBuf};

/// Their hashes may spell anything.
const LOCK_FILES: [&str; 2] = ["Cargo.lock", "package-lock.json"];

/// A file of the repository, by its path from the root with `/`.
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every text file that `.gitignore` does not leave out and that is not a lock file.
/// What is not UTF-8 is not text.
pub(crate) fn text_files() -> Vec<TextFile> {
    let root = root();
    let ignored = Ignored::load(&root);
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let full = entry.path();
            let path = full.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            if ignored.covers(&path) {
                continue;
            }
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(full);
            } else if kind.is_file()
                && !LOCK_FILES.contains(&entry.file_name().to_str().unwrap())
                && let Ok(text) = fs::read_to_string(&full)
            {
                files.push(TextFile { path, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The patterns of the root's `.gitignore`, in the three forms that it uses: `/path`, `*.ending`, `name`.
struct Ignored(Vec<String>);

impl Ignored {
    fn load(root: &Path) -> Ignored {
        let text = fs::read_to_string(root.join(".gitignore")).unwrap();
        let mut patterns: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| line.trim_end_matches('/').to_owned())
            .collect();
        patterns.push("/.git".to_owned());
        Ignored(patterns)
    }

    fn covers(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.0.iter().any(|pattern| match (pattern.strip_prefix('/'), pattern.strip_prefix('*')) {
            (Some(anchored), _) => path == anchored,
            (None, Some(ending)) => name.ends_with(ending),
            (None, None) => name == pattern,
        })
    }
}

/// Whether `line` holds `word` with no letter, digit, underscore or hyphen at either side.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(joins)
            && !line[at + word.len()..].chars().next().is_some_and(joins)
    })
}

/// Whether `line` holds the absolute path `path`, not merely a longer path with such a part.
pub(crate) fn names_path(line: &str, path: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '}' | '~');
    line.match_indices(path).any(|(at, _)| !line[..at].chars().next_back().is_some_and(joins))
}

#[test]
fn words_are_found_whole_only() {
    assert!(has_word("a MARK: here", "MARK"));
    assert!(!has_word("a BOOKMARK here", "MARK"));
    assert!(!has_word("MARK-ED", "MARK"));
}

#[test]
fn only_absolute_paths_are_machine_paths() {
    assert!(names_path("in /srv/data", "/srv/"));
    assert!(names_path("\"/srv/data\"", "/srv/"));
    assert!(!names_path("docs/srv/data", "/srv/"));
}

#[test]
fn ignore_patterns_cover_paths_endings_and_names() {
    let ignored = Ignored(vec!["/target".to_owned(), "*.tmp".to_owned(), "cache".to_owned()]);
    assert!(ignored.covers("target"));
    assert!(!ignored.covers("docs/target"));
    assert!(ignored.covers("docs/page.tmp"));
    assert!(ignored.covers("tests/cache"));
    assert!(!ignored.covers("tests/cached"));
}
