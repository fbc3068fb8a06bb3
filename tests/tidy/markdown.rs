//! Links and headings of Markdown pages, as far as checking links needs them: inline links outside of code, and
//! anchors as code hosts derive them from headings. No rendering.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::tree::root;

/// The targets of inline links and images that are neither absolute URLs nor mail addresses.
pub(crate) fn relative_links(page: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(page) {
        let line = without_code_spans(line);
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            let Some(end) = rest.find(')') else { continue };
            let target = rest[..end].split_whitespace().next().unwrap_or_default();
            let absolute = target.contains("://") || target.starts_with("mailto:");
            if !absolute {
                links.push(target.to_owned());
            }
        }
    }
    links
}

/// Follows `link` from `page`: file and, in Markdown, anchor must exist.
pub(crate) fn resolve(page: &str, link: &str) -> Result<(), String> {
    let (target, anchor) = match link.split_once('#') {
        Some((target, anchor)) => (target, Some(anchor)),
        None => (link, None),
    };
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let path = if target.is_empty() { PathBuf::from(page) } else { folder.join(target) };
    let mut inside = 0_i32;
    for part in path.components() {
        inside += if part == Component::ParentDir { -1 } else { 1 };
        if inside < 0 {
            return Err(format!("link leaves the repository: {link}"));
        }
    }
    let file = root().join(&path);
    if !file.exists() {
        return Err(format!("link leads nowhere: {link}"));
    }
    let Some(anchor) = anchor.filter(|_| path.extension().is_some_and(|ending| ending == "md")) else {
        return Ok(());
    };
    let text = fs::read_to_string(&file).map_err(|error| format!("{link}: {error}"))?;
    if anchors(&text).iter().any(|known| known == anchor) {
        Ok(())
    } else {
        Err(format!("no such heading: {link}"))
    }
}

/// The anchors of a page: one for each heading, numbered from the second of the same text on, and explicit ids.
fn anchors(page: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for line in prose(page) {
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        if (1..=6).contains(&level) && line[level..].starts_with(' ') {
            let slug = slug(&line[level + 1..]);
            let earlier = anchors
                .iter()
                .filter(|known| {
                    **known == slug
                        || known
                            .strip_prefix(&slug)
                            .and_then(|rest| rest.strip_prefix('-'))
                            .is_some_and(|rest| rest.parse::<u32>().is_ok())
                })
                .count();
            anchors.push(if earlier == 0 { slug } else { format!("{slug}-{earlier}") });
        }
        for (at, marker) in line.match_indices("id=\"") {
            let rest = &line[at + marker.len()..];
            anchors.extend(rest.split('"').next().map(str::to_owned));
        }
    }
    anchors
}

fn slug(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The lines outside of fenced code.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    page.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        if fence {
            fenced = !fenced;
        }
        !fence && !fenced
    })
}

fn without_code_spans(line: &str) -> String {
    line.split('`').enumerate().filter(|(part, _)| part % 2 == 0).map(|(_, text)| text).collect()
}

#[test]
fn links_in_code_are_not_links() {
    let page = "[a](x.md) `[b](y.md)` [c](mailto:d)\n```\n[e](z.md)\n```\n![f](g.png \"title\")\n";
    assert_eq!(relative_links(page), ["x.md", "g.png"]);
}

#[test]
fn headings_become_anchors_as_code_hosts_make_them() {
    let page = "# What's new?\n## Same\n## Same\n<a id=\"E901\"></a>\n#not a heading\n";
    assert_eq!(anchors(page), ["whats-new", "same", "same-1", "E901"]);
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    assert!(resolve("docs/page.md", "../LICENSE").is_ok());
    assert!(resolve("docs/page.md", "no-such-page.md").is_err());
    assert!(resolve("docs/page.md", "../../outside.md").is_err());
    assert!(resolve("CONTRIBUTING.md", "SECURITY.md#no-such-heading").is_err());
}
