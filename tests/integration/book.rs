//! The pages of `docs/` are true: each is followed as a reader would follow it. Its files are saved, its commands are
//! run, and what they print is compared with what the page shows.
//!
//! The first word after the fence of a listing is its language:
//!
//! - `sh`: commands, which must succeed. `cd` holds for the rest of the page.
//! - `console`: lines after `$ ` are commands; the other lines are what they print. Commands that run on (`ws-host dev`,
//!   `ws-host connect` and the like) have a terminal of their own. Its name is the second word, and a listing without
//!   a command continues in the terminal of its name. Lines for `ws-host connect` that it does not print are typed.
//!   `…` stands for anything, and a line of its own for any lines.
//! - `js browser`: a script of a web page, which runs in a browser. `console browser` is what it logs.
//! - any other, such as `rust src/lib.rs`: a file, which is saved under the name in the second word.
//! - `text`: neither.
//!
//! A comment before a listing, `<!-- examples/counter/src/lib.rs -->`, names a file that contains it instead, and
//! `<!-- checked by TEST -->` a test of its own, which gets its text from `listings_checked_by` or names the page. A listing after `<!-- not run: REASON -->` is not checked.

mod links;
mod listing;
mod page;
mod terminal;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::root;

use self::listing::{Listing, Mark};

/// Pages whose listings other programs check.
const CHECKED_ELSEWHERE: [&str; 2] = [
    "behind-a-proxy.md", // tests/matrix
    "contract.md",       // generated from wit/, which `make lint` compares
];

/// How many listings are not run. Say why in the page, and raise this number only if there is no other way.
const NOT_RUN: usize = 8;

macro_rules! pages {
    ($($name:ident: $file:literal;)+) => {
        const FOLLOWED: &[&str] = &[$($file),+];

        $(
            #[test]
            fn $name() -> Result<()> {
                page::follow($file)
            }
        )+
    };
}

pages! {
    capabilities: "capabilities.md";
    cluster: "cluster.md";
    command_line: "command-line.md";
    configuration: "configuration.md";
    embedding: "embedding.md";
    first_handler: "first-handler.md";
    from_django_channels: "from-django-channels.md";
    from_durable_objects: "from-durable-objects.md";
    from_phoenix: "from-phoenix.md";
    from_socket_io: "from-socket-io.md";
    installing: "installing.md";
    c_and_cpp: "languages/c-and-cpp.md";
    go: "languages/go.md";
    javascript: "languages/javascript.md";
    python: "languages/python.md";
    rust: "languages/rust.md";
    limits_and_faults: "limits-and-faults.md";
    metrics: "metrics.md";
    operating: "operating.md";
    performance: "performance.md";
    rooms: "rooms.md";
    state_and_reload: "state-and-reload.md";
    testing: "testing.md";
    timers: "timers.md";
    topics: "topics.md";
}

/// Returns the listings that a test of its own checks, given its path from the root of the repository.
pub(crate) fn listings_checked_by(test: &str) -> Result<Vec<Listing>> {
    let mut found = Vec::new();
    for page in FOLLOWED {
        let is_checked =
            |listing: &Listing| matches!(&listing.mark, Some(Mark::CheckedBy(by)) if by == test);
        found.extend(listing::of_page(page)?.into_iter().filter(is_checked));
    }
    ensure!(!found.is_empty(), "no page says that {test} checks it");
    Ok(found)
}

/// Returns the paths of all pages, relative to `docs/`.
fn pages() -> Result<BTreeSet<String>> {
    let docs = root().join("docs");
    let mut pages = BTreeSet::new();
    for folder in ["", "languages/"] {
        for file in fs::read_dir(docs.join(folder))? {
            let name = file?.file_name().into_string().ok().context("a name that is not UTF-8")?;
            if name.ends_with(".md") {
                pages.insert(format!("{folder}{name}"));
            }
        }
    }
    Ok(pages)
}

#[test]
fn every_page_with_a_listing_is_followed() -> Result<()> {
    let mut with_listings = BTreeSet::new();
    for page in pages()? {
        if !CHECKED_ELSEWHERE.contains(&&*page) && !listing::of_page(&page)?.is_empty() {
            with_listings.insert(page);
        }
    }
    let followed: BTreeSet<String> = FOLLOWED.iter().map(|page| (*page).to_owned()).collect();
    assert_eq!(followed, with_listings);
    Ok(())
}

#[test]
fn few_listings_are_not_run() -> Result<()> {
    let mut not_run = Vec::new();
    for page in FOLLOWED {
        let is_not_run = |listing: &Listing| matches!(listing.mark, Some(Mark::NotRun));
        not_run.extend(listing::of_page(page)?.into_iter().filter(is_not_run));
    }
    let places: Vec<String> = not_run.iter().map(Listing::place).collect();
    assert_eq!(places.len(), NOT_RUN, "{places:#?}");
    Ok(())
}

#[test]
fn contents_link_to_every_page() -> Result<()> {
    let contents = fs::read_to_string(root().join("docs/README.md"))?;
    for page in pages()?.into_iter().filter(|page| page != "README.md") {
        assert!(contents.contains(&format!("]({page})")), "docs/README.md does not link to {page}");
    }
    Ok(())
}
