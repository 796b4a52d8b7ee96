//! Where the pages of `docs/` are on this machine.

use std::path::{Path, PathBuf};

/// The folder of the pages, beside the program in an archive, and below [`SHARED`] in the Debian package.
const FOLDER: &str = "docs";

/// The folder of the documentation, relative to the folder that contains the folder of the program.
const SHARED: &str = "share/doc/ws-host";

/// Returns the path of a page. If the page is not on this machine, returns its path in the archive of ws-host.
pub(crate) fn page(name: &str) -> String {
    let program = std::env::current_exe().ok();
    match program.and_then(|program| found(&program, name)) {
        Some(page) => page.display().to_string(),
        None => format!("{FOLDER}/{name}"),
    }
}

fn found(program: &Path, name: &str) -> Option<PathBuf> {
    let folder = program.parent()?;
    let shared = folder.parent().map(|above| above.join(SHARED));
    let folders = [Some(folder.to_owned()), shared].into_iter().flatten();
    folders.map(|folder| folder.join(FOLDER).join(name)).find(|page| page.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_is_found_in_an_archive_and_in_a_package() {
        let root = tempfile::tempdir().expect("a folder");
        let bin = root.path().join("bin");
        assert_eq!(found(&bin.join("ws-host"), "capabilities.md"), None);
        for place in ["share/doc/ws-host/docs", "bin/docs"] {
            let folder = root.path().join(place);
            std::fs::create_dir_all(&folder).expect("a folder");
            let page = folder.join("capabilities.md");
            std::fs::write(&page, "").expect("it can be written");
            assert_eq!(found(&bin.join("ws-host"), "capabilities.md"), Some(page));
        }
    }
}
