//! Resolves a path: finds every folder and every symbolic link between the root and the file.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// How many links are followed. If there are more, they count as a loop, as in the kernel (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// The folders on the paths to files. The keys are paths without symbolic links.
pub(super) type Folders = BTreeMap<PathBuf, Folder>;

/// A folder on the path to a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Folder {
    /// The device and inode. They identify the folder even if its name changes.
    id: Option<(u64, u64)>,
    /// The names of the directory entries that are on the paths to the files.
    pub(super) names: BTreeSet<OsString>,
    pub(super) role: Role,
}

/// The role of a folder on a path. The roles are ordered: the higher the role, the more important it is to watch the
/// folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// The path only passes through the folder.
    Ancestor,
    /// The next part of the path is a symbolic link in this folder, or does not exist.
    LinkParent,
    /// The folder contains the file.
    FileParent,
}

/// Returns every folder on the paths to these files. If a part of a path does not exist, the result contains the
/// folders above that part.
pub(super) fn folders_on_paths<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Folders {
    let mut folders = Folders::new();
    for file in files {
        // A relative path is resolved against the current directory. If that directory is gone, so is the file.
        if let Ok(file) = std::path::absolute(file) {
            walk(&file, &mut folders);
        }
    }
    folders
}

/// Adds every folder on the path of one file to `folders`.
fn walk(file: &Path, folders: &mut Folders) {
    let mut rest: VecDeque<OsString> = parts(file).collect();
    let mut at = PathBuf::from("/");
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            // `at` contains no links, so `..` is its parent.
            at.pop();
            continue;
        }
        let next = at.join(&name);
        let Ok(found) = next.symlink_metadata() else {
            return add(folders, &at, name, Role::LinkParent);
        };
        if found.is_symlink() {
            add(folders, &at, name, Role::LinkParent);
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
            add(folders, &at, name, Role::Ancestor);
            at = next;
        } else {
            return add(folders, &at, name, Role::FileParent);
        }
    }
}

/// Returns the components of a path: names and `..`.
fn parts(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

/// Adds an entry of a folder. A folder keeps the highest of its roles.
fn add(folders: &mut Folders, at: &Path, name: OsString, role: Role) {
    let folder = folders.entry(at.to_owned()).or_insert_with(|| {
        let id = at.metadata().ok().map(|folder| (folder.dev(), folder.ino()));
        Folder { id, names: BTreeSet::new(), role }
    });
    folder.names.insert(name);
    folder.role = folder.role.max(role);
}
