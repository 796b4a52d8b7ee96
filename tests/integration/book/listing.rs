//! The listings of a page: its fenced code blocks.

use std::fs;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::root;

/// A fenced code block.
pub(crate) struct Listing {
    /// The page, relative to `docs/`.
    pub(crate) page: String,
    /// The line of the opening fence.
    line: usize,
    pub(crate) language: String,
    /// The second word after the fence.
    pub(super) name: Option<String>,
    pub(super) mark: Option<Mark>,
    pub(crate) text: String,
}

/// The comment before a listing.
pub(super) enum Mark {
    /// The listing is not checked.
    NotRun,
    /// This test checks the listing, relative to the root of the repository.
    CheckedBy(String),
    /// The listing is part of this file, relative to the root of the repository.
    PartOf(String),
}

impl Listing {
    /// Returns where the listing is, for error messages.
    pub(crate) fn place(&self) -> String {
        format!("docs/{}:{}", self.page, self.line)
    }
}

/// Returns the listings of a page, in their order, without illustrations (`text`).
pub(super) fn of_page(page: &str) -> Result<Vec<Listing>> {
    let text =
        fs::read_to_string(root().join("docs").join(page)).with_context(|| page.to_owned())?;
    let mut listings = Vec::new();
    let mut before = "";
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        if let Some(tag) = line.trim_start().strip_prefix("```") {
            let mut words = tag.split_whitespace().map(str::to_owned);
            let mut listing = Listing {
                page: page.to_owned(),
                line: number,
                language: words.next().unwrap_or_default(),
                name: words.next(),
                mark: mark(before).with_context(|| format!("docs/{page}:{number}"))?,
                text: String::new(),
            };
            ensure!(!listing.language.is_empty(), "{}: no language", listing.place());
            loop {
                let (line, _) =
                    lines.next().with_context(|| format!("{}: no end", listing.place()))?;
                if line.trim_start() == "```" {
                    break;
                }
                listing.text += line;
                listing.text += "\n";
            }
            listings.push(listing);
        }
        before = line;
    }
    listings.retain(|listing| listing.language != "text");
    Ok(listings)
}

fn mark(line: &str) -> Result<Option<Mark>> {
    let Some(comment) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"))
    else {
        return Ok(None);
    };
    if let Some(reason) = comment.strip_prefix("not run:") {
        ensure!(!reason.trim().is_empty(), "give a reason");
        return Ok(Some(Mark::NotRun));
    }
    if let Some(test) = comment.strip_prefix("checked by ") {
        return Ok(Some(Mark::CheckedBy(test.to_owned())));
    }
    Ok(Some(Mark::PartOf(comment.to_owned())))
}
