//! Documents: whatever they link to is there, and every page is in the book.

use std::path::{Path, PathBuf};

use e2e::programs::project;
use regex::Regex;
use walkdir::WalkDir;

/// Folders that hold no document of ours.
const LEFT_OUT: [&str; 4] = ["target", ".tools", ".git", "node_modules"];

fn documents() -> Vec<PathBuf> {
    let is_ours = |name: &str| !LEFT_OUT.contains(&name);
    let all = WalkDir::new(project())
        .into_iter()
        .filter_entry(|entry| is_ours(&entry.file_name().to_string_lossy()));
    let files = all.map(|entry| entry.unwrap().into_path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The anchors of a page, as `GitHub` and `mdBook` make them of headings.
fn anchors(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut anchors = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        }
        if let Some(heading) = line.strip_prefix('#').filter(|_| !is_code) {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            anchors.push(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    anchors
}

/// What is wrong with a link of `document`; links to elsewhere are not followed.
fn broken(document: &Path, text: &str, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = document.parent().unwrap().join(path);
    if !path.is_empty() && !target.exists() {
        return Some(format!("{}: {link} leads nowhere", document.display()));
    }
    let page =
        if path.is_empty() { text.to_owned() } else { std::fs::read_to_string(target).ok()? };
    let is_there = anchor.is_empty() || anchors(&page).iter().any(|known| known == anchor);
    (!is_there).then(|| format!("{}: {link}: no such heading", document.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut links = 0;
    let mut wrong = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for found in link.captures_iter(&text) {
            links += 1;
            wrong.extend(broken(&document, &text, &found[1]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(links > 30, "links are not seen any more: {links}");
}

#[test]
fn every_page_is_in_the_book() {
    let docs = project().join("docs");
    let summary = std::fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    for document in documents().iter().filter(|document| document.parent() == Some(&docs)) {
        let name = document.file_name().unwrap().to_str().unwrap();
        let is_listed = name == "SUMMARY.md" || summary.contains(&format!("]({name})"));
        assert!(is_listed, "docs/SUMMARY.md does not name {name}");
    }
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let document = project().join("README.md");
    let found = |link| broken(&document, "# One heading, two", link);
    assert_eq!(
        (found("LICENSE"), found("#one-heading-two"), found("https://x.invalid")),
        (None, None, None)
    );
    assert!(found("docs/none.md").unwrap().ends_with("leads nowhere"));
    assert!(found("docs/scan.md#none").unwrap().ends_with("no such heading"));
}
