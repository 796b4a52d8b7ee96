//! Finds the source files of a project, and which of them have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io::{stderr, stdout};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::fstat;
use sha2::{Digest, Sha256};

use super::project::Project;

/// Folders into which tools write: builds, packages, caches. Folders that begin with a dot are ignored as well.
const IGNORED_FOLDERS: [&str; 6] =
    ["__pycache__", "build", "dist", "node_modules", "target", "zig-out"];

/// The suffixes of files that are not sources. Editors use all of these except the last for temporary files and
/// backups. The last one, `.log`, is for logs. Without it, a build that writes its output to a log in the project would
/// cause another build each time.
const NO_SOURCES: [&str; 9] =
    ["~", ".swp", ".swx", ".swo", ".tmp", ".bak", "___jb_tmp___", "___jb_old___", ".log"];

/// The name of the file that Vim creates to find out whether it can write to a folder.
const VIM_PROBE: &str = "4913";

/// The maximum number of files that are checked. A project with more files should set `watch`.
const MAX_FILES: usize = 20_000;

/// Files above this size are compared by their metadata only.
const MAX_HASHED: u64 = 8 << 20;

/// What counts as a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    /// The file was written, possibly with the same content. This lets a user trigger a build by saving an unchanged
    /// file, for example after installing a tool.
    Writes,
    /// The content of the file is different. A build may write the same code into the same file each time.
    Contents,
}

/// The source files as they were when they were last checked.
#[derive(Default)]
pub(super) struct Sources {
    files: BTreeMap<PathBuf, Seen>,
    /// The folders that must be watched to notice all changes.
    pub(super) folders: BTreeSet<PathBuf>,
    /// Whether there were more files than [`MAX_FILES`].
    pub(super) is_cut_off: bool,
}

#[derive(Clone, PartialEq, Eq)]
struct Seen {
    identity: Identity,
    hash: Option<[u8; 32]>,
}

/// The metadata that changes when a file is written.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Sources {
    /// Checks all files. Returns those that have been changed, added or removed since the last check.
    pub(super) fn refresh(&mut self, project: &Project, compare: Compare) -> Vec<PathBuf> {
        let mut found = Self::default();
        // The configuration file counts too, because it may change what is built and watched.
        for path in project.watched.iter().chain([&project.file]) {
            found.add_watched(path, project, &self.files);
        }
        if !project.endings.is_empty() {
            found.add_folder(&project.folder, project, &self.files, Some(&project.endings));
        }
        let before = std::mem::replace(self, found).files;
        let is_same = |one: &Seen, other: &Seen| match (compare, one.hash) {
            (Compare::Contents, Some(hash)) => other.hash == Some(hash),
            _ => one.identity == other.identity,
        };
        let changed = self
            .files
            .iter()
            .filter(|(path, seen)| before.get(*path).is_none_or(|old| !is_same(old, seen)));
        let removed = before.keys().filter(|path| !self.files.contains_key(*path));
        changed.map(|(path, _)| path).chain(removed).cloned().collect()
    }

    /// Adds a file or folder that the configuration names, even one whose name would otherwise be ignored.
    fn add_watched(&mut self, path: &Path, project: &Project, before: &BTreeMap<PathBuf, Seen>) {
        if let Some(parent) = path.parent() {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            self.folders.insert(parent.to_owned());
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.add_folder(path, project, before, None),
            Ok(metadata) if metadata.is_file() => self.add_file(path, &metadata, before),
            // Anything else is skipped. A missing file may appear later, and reading a pipe could wait forever.
            Ok(_) | Err(_) => {}
        }
    }

    /// Adds the sources in a folder and in its folders: those with one of these endings, or all.
    fn add_folder(
        &mut self,
        folder: &Path,
        project: &Project,
        before: &BTreeMap<PathBuf, Seen>,
        endings: Option<&[String]>,
    ) {
        self.folders.insert(folder.to_owned());
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            // A link to a folder is not followed, because it may lead to a loop.
            let (Ok(kind), Ok(metadata)) = (entry.file_type(), fs::metadata(&path)) else {
                continue;
            };
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if kind.is_dir() && !is_ignored_folder(&name) {
                self.add_folder(&path, project, before, endings);
            } else if metadata.is_file()
                && !is_no_source(&name)
                && endings.is_none_or(|endings| endings.iter().any(|end| name.ends_with(end)))
                && !is_own_output(&metadata)
                && !project.components.contains(&path)
            {
                self.add_file(&path, &metadata, before);
            }
        }
    }

    fn add_file(&mut self, path: &Path, metadata: &Metadata, before: &BTreeMap<PathBuf, Seen>) {
        if self.files.len() >= MAX_FILES {
            self.is_cut_off = true;
            return;
        }
        let identity = Identity::of(metadata);
        let hash = match before.get(path) {
            Some(seen) if seen.identity == identity => seen.hash,
            _ => hash(path, identity.length),
        };
        self.files.insert(path.to_owned(), Seen { identity, hash });
    }
}

/// Returns whether this program writes its output to the file. If such a file counted as a source, each line of a
/// build's output would cause another build.
fn is_own_output(metadata: &Metadata) -> bool {
    let file = Some((metadata.dev(), metadata.ino()));
    let identity = |output: rustix::io::Result<rustix::fs::Stat>| {
        output.ok().map(|stat| (stat.st_dev, stat.st_ino))
    };
    file == identity(fstat(stdout())) || file == identity(fstat(stderr()))
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

fn hash(path: &Path, length: u64) -> Option<[u8; 32]> {
    if length > MAX_HASHED {
        return None;
    }
    let content = fs::read(path).ok()?;
    Some(Sha256::digest(content).into())
}

fn is_ignored_folder(name: &str) -> bool {
    name.starts_with('.') || IGNORED_FOLDERS.contains(&name)
}

/// Returns whether this is the name of a log, or of an editor's temporary file.
fn is_no_source(name: &str) -> bool {
    let is_emacs_save = name.starts_with('#') && name.ends_with('#');
    name.starts_with('.')
        || is_emacs_save
        || name == VIM_PROBE
        || NO_SOURCES.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use tempfile::TempDir;

    use super::*;

    /// A project in a temporary folder, whose sources have been checked once.
    struct Fixture {
        folder: TempDir,
        project: Project,
        sources: Sources,
    }

    fn fixture(watched: &[&str]) -> Fixture {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path();
        for name in ["src/inner", "build", "node_modules", ".git"] {
            fs::create_dir_all(path.join(name)).expect("a folder");
        }
        let project = Project {
            folder: path.to_owned(),
            file: path.join("ws-host.toml"),
            build: String::new(),
            watched: watched.iter().map(|name| path.join(name)).collect(),
            endings: Vec::new(),
            components: vec![path.join("chat.wasm")],
        };
        let mut fixture = Fixture { project, sources: Sources::default(), folder };
        for name in ["ws-host.toml", "src/main.js", "src/inner/deep.js", "chat.wasm"] {
            fixture.write(name, "1");
        }
        fixture.changed(Compare::Writes);
        fixture
    }

    impl Fixture {
        fn write(&self, name: &str, content: &str) {
            fs::write(self.folder.path().join(name), content).expect("it can be written");
        }

        /// Updates a file's modification time, like saving the file without a change.
        fn touch(&self, name: &str) {
            let file = fs::File::options().write(true).open(self.folder.path().join(name));
            let later = SystemTime::now() + Duration::from_secs(10);
            file.and_then(|file| file.set_modified(later)).expect("it can be touched");
        }

        /// Returns the files that have changed, as paths relative to the project.
        fn changed(&mut self, compare: Compare) -> Vec<String> {
            let changed = self.sources.refresh(&self.project, compare);
            let relative = |path: &PathBuf| {
                path.strip_prefix(self.folder.path()).expect("inside").display().to_string()
            };
            changed.iter().map(relative).collect()
        }
    }

    #[test]
    fn written_added_and_removed_files_have_changed() {
        let mut fixture = fixture(&["src"]);
        assert_eq!(fixture.changed(Compare::Writes), [""; 0]);
        fixture.write("src/main.js", "longer");
        assert_eq!(fixture.changed(Compare::Writes), ["src/main.js"]);
        fs::create_dir(fixture.folder.path().join("src/new")).expect("a folder");
        fixture.write("src/new/file.js", "2");
        fs::remove_file(fixture.folder.path().join("src/inner/deep.js")).expect("it is there");
        assert_eq!(fixture.changed(Compare::Writes), ["src/new/file.js", "src/inner/deep.js"]);
        assert_eq!(fixture.changed(Compare::Writes), [""; 0]);
        fixture.write("ws-host.toml", "longer");
        assert_eq!(fixture.changed(Compare::Writes), ["ws-host.toml"]);
    }

    #[test]
    fn file_that_is_saved_without_a_change_counts_only_as_written() {
        let mut fixture = fixture(&["src"]);
        fixture.touch("src/main.js");
        assert_eq!(fixture.changed(Compare::Contents), [""; 0]);
        fixture.touch("src/inner/deep.js");
        assert_eq!(fixture.changed(Compare::Writes), ["src/inner/deep.js"]);
    }

    #[test]
    fn outputs_and_temporary_files_are_left_out() {
        let mut fixture = fixture(&[""]);
        for name in [
            "chat.wasm",
            "build/x.js",
            "node_modules/x.js",
            ".git/index",
            "src/main.js~",
            "src/.main.js.swp",
            "src/4913",
            "src/#main.js#",
            "src/.#main.js",
            "src/main.js.tmp",
            "dev.log",
        ] {
            fixture.write(name, "changed");
        }
        assert_eq!(fixture.changed(Compare::Writes), [""; 0]);
        fixture.write("README.md", "2");
        assert_eq!(fixture.changed(Compare::Writes), ["README.md"]);
    }

    #[test]
    fn file_that_is_named_is_watched_whatever_its_name_is() {
        let mut fixture = fixture(&["build/table.js", ".env"]);
        fixture.write("build/table.js", "2");
        fixture.write(".env", "2");
        fixture.write("build/other.js", "2");
        assert_eq!(fixture.changed(Compare::Writes), [".env", "build/table.js"]);
    }

    #[test]
    fn pattern_stands_for_files_in_all_folders_except_outputs() {
        let mut fixture = fixture(&["Makefile"]);
        fixture.project.endings = vec![".go".to_owned()];
        for name in ["main.go", "src/inner/new.go", "build/output.go", "README.md", "src/x.toml"] {
            fixture.write(name, "1");
        }
        assert_eq!(fixture.changed(Compare::Writes), ["main.go", "src/inner/new.go"]);
        fixture.write("Makefile", "2");
        assert_eq!(fixture.changed(Compare::Writes), ["Makefile"]);
        assert!(fixture.sources.folders.contains(&fixture.folder.path().join("src/inner")));
    }

    #[test]
    fn folders_are_those_that_must_be_watched() {
        let fixture = fixture(&["src", "build/table.js"]);
        let folders = fixture.sources.folders.iter();
        let relative =
            folders.map(|path| path.strip_prefix(fixture.folder.path()).expect("inside"));
        let relative: Vec<_> = relative.map(|path| path.display().to_string()).collect();
        assert_eq!(relative, ["", "build", "src", "src/inner"]);
    }

    #[test]
    fn link_to_a_folder_is_not_followed() {
        let mut fixture = fixture(&["src"]);
        let link = fixture.folder.path().join("src/circle");
        std::os::unix::fs::symlink(fixture.folder.path(), link).expect("a link");
        assert_eq!(fixture.changed(Compare::Writes), [""; 0]);
    }
}
