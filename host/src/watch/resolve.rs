//! The way from a path to its file: every folder, and every link that is followed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// How many links are followed, as the kernel does: more are a loop (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// Folders on the way to files, by their paths without links.
pub(super) type Folders = BTreeMap<PathBuf, Folder>;

/// One folder on the way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Folder {
    /// Which one it is, whatever its name: its device and inode.
    id: Option<(u64, u64)>,
    /// What is looked for in it.
    pub(super) names: BTreeSet<OsString>,
    pub(super) role: Role,
}

/// What a folder has to do with a file. The later ones say more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// It is passed through.
    Ancestor,
    /// It holds a link that is followed, or is the last one that exists.
    Holder,
    /// It holds the file.
    Parent,
}

/// Every folder on the way to these files. Of a way that ends too early, the folders up to there.
pub(super) fn folders<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Folders {
    let mut folders = Folders::new();
    for file in files {
        // A relative path begins in the current folder, wherever that is now. If that is gone, so is the file.
        if let Ok(file) = std::path::absolute(file) {
            walk(&file, &mut folders);
        }
    }
    folders
}

fn walk(file: &Path, folders: &mut Folders) {
    let mut rest: VecDeque<OsString> = parts(file).collect();
    let mut at = PathBuf::from("/");
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            // There are no links in it, so this is where it leads.
            at.pop();
            continue;
        }
        let next = at.join(&name);
        let Ok(found) = next.symlink_metadata() else {
            return pass(folders, &at, name, Role::Holder);
        };
        if found.is_symlink() {
            pass(folders, &at, name, Role::Holder);
            links += 1;
            let Ok(target) = next.read_link() else { return };
            if links > MAX_LINKS {
                return;
            }
            if target.has_root() {
                at = PathBuf::from("/");
            }
            parts(&target).rev().for_each(|part| rest.push_front(part));
        } else if found.is_dir() && !rest.is_empty() {
            pass(folders, &at, name, Role::Ancestor);
            at = next;
        } else {
            return pass(folders, &at, name, Role::Parent);
        }
    }
}

/// The names in a path, and `..` where it goes up.
fn parts(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

fn pass(folders: &mut Folders, at: &Path, name: OsString, role: Role) {
    let folder = folders.entry(at.to_owned()).or_insert_with(|| {
        let id = at.metadata().ok().map(|folder| (folder.dev(), folder.ino()));
        Folder { id, names: BTreeSet::new(), role }
    });
    folder.names.insert(name);
    folder.role = folder.role.max(role);
}
