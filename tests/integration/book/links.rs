//! The links between pages lead to files and headings that exist.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use ws_host_test_support::root;

#[test]
fn links_lead_to_files_and_headings_that_exist() -> Result<()> {
    let mut broken = Vec::new();
    for folder in ["", "docs", "docs/languages", "docs/decisions"] {
        for file in fs::read_dir(root().join(folder))? {
            let file = file?.path();
            if file.extension().is_some_and(|extension| extension == "md") {
                let text = without_listings(&fs::read_to_string(&file)?);
                let is_broken = |link: &&str| !leads_somewhere(&file, link);
                let links: Vec<_> = links(&text).filter(is_broken).collect();
                broken.extend(links.iter().map(|link| format!("{}: {link}", file.display())));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    Ok(())
}

/// Returns the targets of all links that are not URLs.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.contains(char::is_whitespace))
}

fn leads_somewhere(page: &Path, link: &str) -> bool {
    let (path, heading) =
        link.split_once('#').map_or((link, None), |(path, rest)| (path, Some(rest)));
    let target = match path {
        "" => page.to_owned(),
        path => page.parent().expect("a page is in a folder").join(path),
    };
    let Some(heading) = heading else {
        return target.exists();
    };
    fs::read_to_string(target).is_ok_and(|text| {
        anchors(&text).contains_key(heading) || text.contains(&format!("<a id=\"{heading}\"></a>"))
    })
}

/// Returns the anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeMap<String, usize> {
    let mut anchors = BTreeMap::new();
    for line in without_listings(text).lines().filter(|line| line.starts_with('#')) {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let is_kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
        let anchor: String = heading.chars().filter(is_kept).collect();
        *anchors.entry(anchor.replace(' ', "-")).or_default() += 1;
    }
    anchors
}

fn without_listings(text: &str) -> String {
    let outside = text.split("\n```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}

#[test]
fn anchors_are_those_of_github() -> Result<()> {
    let anchors = anchors("# `ws-host new`\n```sh\n# no heading\n```\n## C and C++\n");
    let first = anchors.keys().next().context("an anchor")?;
    assert_eq!((first.as_str(), anchors.len()), ("c-and-c", 2));
    assert!(anchors.contains_key("ws-host-new"));
    Ok(())
}
