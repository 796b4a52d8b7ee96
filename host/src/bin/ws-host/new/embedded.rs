//! The files of this repository that are embedded in the program.

/// A file as it was when the program was built.
#[derive(Clone, Copy)]
pub(crate) struct EmbeddedFile {
    /// The path, relative to the root of the repository, with `/`.
    pub(crate) path: &'static str,
    pub(crate) is_executable: bool,
    pub(crate) content: &'static [u8],
}

/// All embedded files, by their paths. `build.rs` lists them.
const FILES: &[EmbeddedFile] = include!(concat!(env!("OUT_DIR"), "/embedded_files.rs"));

/// Returns the files below a folder, each with its path relative to that folder.
pub(crate) fn below(folder: &str) -> impl Iterator<Item = (&'static str, EmbeddedFile)> {
    FILES.iter().filter_map(move |file| {
        let path = file.path.strip_prefix(folder)?.strip_prefix('/')?;
        Some((path, *file))
    })
}

/// Returns the text of a file.
pub(crate) fn text(path: &str) -> Option<&'static str> {
    let file = FILES.iter().find(|file| file.path == path)?;
    std::str::from_utf8(file.content).ok()
}
