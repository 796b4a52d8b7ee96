//! Files replaced as the world replaces them, ten times in a row each.

use std::fs::{create_dir, create_dir_all, read, remove_dir_all, remove_file, rename, write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;

use super::Watch;
use super::inotify::Inotify;
use super::look::Look;

/// Only a test that fails waits so long.
const DEADLINE: Duration = Duration::from_secs(20);

const ROUNDS: usize = 10;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn told(watch: &Watch, what: &str) {
    let told = timeout(DEADLINE, watch.changed()).await;
    assert!(told.is_ok(), "{what} was not noticed");
}

/// Replaces the file again and again. Each time it must be told; a permit that is left of the time before can
/// hide a loss once, and not twice.
async fn follows(file: &Path, mut replace: impl FnMut(usize)) {
    let watch = Watch::start([file]).await;
    for round in 1..=ROUNDS {
        replace(round);
        assert_eq!(read(file).unwrap(), bytes(round), "the test itself");
        told(&watch, &format!("replacement {round}")).await;
    }
}

fn bytes(round: usize) -> Vec<u8> {
    format!("{round:03}").into_bytes()
}

/// Puts a link in the place of another one.
fn switch(link: &Path, target: impl AsRef<Path>) {
    let new = link.with_extension("new");
    symlink(target, &new).unwrap();
    rename(new, link).unwrap();
}

fn release(root: &Path, round: usize) -> PathBuf {
    let release = root.join(format!("releases/{round}"));
    create_dir_all(&release).unwrap();
    write(release.join("file"), bytes(round)).unwrap();
    release
}

#[tokio::test]
async fn written_file_is_noticed() {
    let folder = folder();
    let file = folder.path().join("file");
    write(&file, bytes(0)).unwrap();
    follows(&file, |round| write(&file, bytes(round)).unwrap()).await;
}

#[tokio::test]
async fn file_that_another_one_is_renamed_onto_is_noticed() {
    let folder = folder();
    let file = folder.path().join("file");
    write(&file, bytes(0)).unwrap();
    follows(&file, |round| {
        let new = folder.path().join("new");
        write(&new, bytes(round)).unwrap();
        rename(new, &file).unwrap();
    })
    .await;
}

#[tokio::test]
async fn projected_volume_is_noticed() {
    let folder = folder();
    let root = folder.path();
    let project = |round: usize| {
        let stamped = root.join(format!("..2026_{round}"));
        create_dir(&stamped).unwrap();
        write(stamped.join("file"), bytes(round)).unwrap();
        symlink(format!("..2026_{round}"), root.join("..data_tmp")).unwrap();
        rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    };
    project(0);
    symlink("..data/file", root.join("file")).unwrap();
    follows(&root.join("file"), |round| {
        project(round);
        remove_dir_all(root.join(format!("..2026_{}", round - 1))).unwrap();
    })
    .await;
}

#[tokio::test]
async fn link_to_the_current_release_is_noticed() {
    let folder = folder();
    let root = folder.path();
    release(root, 0);
    symlink("releases/0", root.join("current")).unwrap();
    follows(&root.join("current/file"), |round| {
        release(root, round);
        switch(&root.join("current"), format!("releases/{round}"));
    })
    .await;
}

#[tokio::test]
async fn link_in_the_middle_of_a_chain_is_noticed() {
    let folder = folder();
    let root = folder.path();
    create_dir(root.join("stage")).unwrap();
    symlink(release(root, 0), root.join("stage/live")).unwrap();
    // Up from where the link leads, not from where it stands.
    symlink("stage/live/../../served/file", root.join("file")).unwrap();
    symlink("stage/live", root.join("served")).unwrap();
    follows(&root.join("file"), |round| {
        if round % 2 == 1 {
            switch(&root.join("stage/live"), release(root, round));
        } else {
            write(root.join(format!("releases/{}/file", round - 1)), bytes(round)).unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn new_target_of_a_link_is_noticed_when_it_is_rewritten() {
    let folder = folder();
    let root = folder.path();
    release(root, 0);
    symlink("releases/0", root.join("current")).unwrap();
    follows(&root.join("current/file"), |round| {
        if round % 2 == 1 {
            release(root, round);
            switch(&root.join("current"), format!("releases/{round}"));
        } else {
            write(root.join(format!("releases/{}/file", round - 1)), bytes(round)).unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn folder_that_is_made_anew_is_noticed() {
    let folder = folder();
    let deep = folder.path().join("target/release");
    let make = |round| {
        create_dir_all(&deep).unwrap();
        write(deep.join("file"), bytes(round)).unwrap();
    };
    make(0);
    follows(&deep.join("file"), |round| {
        remove_dir_all(folder.path().join("target")).unwrap();
        make(round);
    })
    .await;
}

#[tokio::test]
async fn file_is_noticed_when_its_folders_come_one_after_the_other() {
    let folder = folder();
    let target = folder.path().join("target");
    create_dir_all(target.join("release")).unwrap();
    let file = target.join("release/file");
    write(&file, bytes(0)).unwrap();
    let watch = Watch::start([&*file]).await;
    for round in 1..=ROUNDS {
        remove_dir_all(&target).unwrap();
        told(&watch, "that it has gone").await;
        create_dir(&target).unwrap();
        tokio::task::yield_now().await;
        create_dir(target.join("release")).unwrap();
        tokio::task::yield_now().await;
        write(&file, bytes(round)).unwrap();
        told(&watch, "that it is there again").await;
    }
}

#[tokio::test]
async fn folder_in_the_place_of_another_one_is_noticed_at_any_height() {
    for height in ["app/handlers", "app"] {
        let folder = folder();
        let swapped = folder.path().join(height);
        let inside = Path::new("app/handlers/file");
        let make = |round: usize| {
            let staged = folder.path().join(format!("staged-{round}"));
            create_dir_all(staged.join("app/handlers")).unwrap();
            write(staged.join(inside), bytes(round)).unwrap();
            staged.join(height)
        };
        create_dir_all(swapped.parent().unwrap()).unwrap();
        rename(make(0), &swapped).unwrap();
        follows(&folder.path().join(inside), |round| {
            rename(&swapped, folder.path().join(format!("old-{round}"))).unwrap();
            rename(make(round), &swapped).unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn folder_that_was_away_is_noticed_when_it_comes_back() {
    let folder = folder();
    let (here, away) = (folder.path().join("here"), folder.path().join("away"));
    create_dir(&here).unwrap();
    write(here.join("file"), bytes(0)).unwrap();
    let file = here.join("file");
    let watch = Watch::start([&*file]).await;
    for round in 1..=ROUNDS {
        rename(&here, &away).unwrap();
        told(&watch, "that it has gone").await;
        write(away.join("file"), bytes(round)).unwrap();
        rename(&away, &here).unwrap();
        told(&watch, "that it is back").await;
        // And it is watched as before.
        write(&file, bytes(round + 1)).unwrap();
        told(&watch, "that it was written to").await;
    }
}

#[tokio::test]
async fn each_of_many_files_is_noticed() {
    let folder = folder();
    let files = ["certificate", "key", "authorities"].map(|name| folder.path().join(name));
    files.iter().for_each(|file| write(file, "0").unwrap());
    let watch = Watch::start(files.iter().map(PathBuf::as_path)).await;
    for file in files.iter().cycle().take(ROUNDS) {
        write(file, "1").unwrap();
        told(&watch, "a file among others").await;
    }
}

#[tokio::test]
async fn permissions_are_noticed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let file = folder.path().join("file");
    write(&file, bytes(0)).unwrap();
    let watch = Watch::start([&*file]).await;
    for mode in [0o600, 0o640] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        told(&watch, "a file that may be read now").await;
    }
}

#[tokio::test]
async fn relative_path_is_followed() {
    // Of the folder in which cargo runs the tests.
    let folder = tempfile::tempdir_in(".").unwrap();
    let name = folder.path().file_name().unwrap();
    let file = Path::new(name).join("file");
    write(&file, bytes(0)).unwrap();
    follows(&file, |round| write(&file, bytes(round)).unwrap()).await;
}

#[tokio::test]
async fn loop_of_links_ends_and_is_left() {
    let folder = folder();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    symlink(&one, &other).unwrap();
    symlink(&other, &one).unwrap();
    let watch = Watch::start([&*one]).await;
    remove_file(&other).unwrap();
    write(&other, "a file at last").unwrap();
    told(&watch, "the end of the loop").await;
}

#[tokio::test]
async fn forty_links_are_followed_as_by_the_kernel() {
    let folder = folder();
    let link = |number: usize| folder.path().join(number.to_string());
    write(link(0), bytes(0)).unwrap();
    (1..=41).for_each(|number| symlink(link(number - 1), link(number)).unwrap());
    assert!(read(link(40)).is_ok() && read(link(41)).is_err(), "the kernel counts otherwise");
    follows(&link(40), |round| write(link(0), bytes(round)).unwrap()).await;
}

#[tokio::test]
async fn change_is_not_forgotten_when_nobody_waits_while_the_file_settles() {
    let folder = folder();
    let file = folder.path().join("file");
    write(&file, bytes(0)).unwrap();
    let watch = Watch::start([&*file]).await;
    for round in 1..=ROUNDS {
        write(&file, bytes(round)).unwrap();
        // It is given up while the file settles, before, or afterwards.
        let wait = Duration::from_millis(5 * round as u64);
        if timeout(wait, watch.changed()).await.is_err() {
            told(&watch, "a change in whose middle nobody waited").await;
        }
    }
}

#[tokio::test]
async fn what_others_do_in_the_same_folder_is_no_change() {
    let folder = folder();
    let [file, other] = ["file", "other"].map(|name| folder.path().join(name));
    write(&file, bytes(0)).unwrap();
    let watch = Watch::start([&*file]).await;
    for round in 0..ROUNDS {
        write(&other, bytes(round)).unwrap();
        rename(&other, folder.path().join("third")).unwrap();
    }
    // Longer than a change takes to be told.
    let told = timeout(4 * super::SETTLED, watch.changed()).await;
    assert!(told.is_err(), "told of another file");
    write(&file, bytes(1)).unwrap();
    self::told(&watch, "the file itself").await;
}

#[tokio::test]
async fn files_are_looked_at_where_nothing_tells_of_changes() {
    let folder = folder();
    let root = folder.path();
    release(root, 0);
    symlink("releases/0", root.join("current")).unwrap();
    let file = root.join("current/file");
    let deaf = || Err(std::io::ErrorKind::Unsupported.into());
    let watch = Watch::looking_every(Duration::from_millis(20), deaf, [&*file]).await;
    for round in 1..=ROUNDS {
        release(root, round);
        switch(&root.join("current"), format!("releases/{round}"));
        told(&watch, &format!("replacement {round}")).await;
    }
}

#[tokio::test]
async fn whoever_is_blind_says_why_and_tries_again() {
    static MAY_LISTEN: AtomicBool = AtomicBool::new(false);
    let listen = || match MAY_LISTEN.load(Ordering::Relaxed) {
        true => Inotify::start(),
        false => Err(std::io::Error::from_raw_os_error(libc::EMFILE)),
    };
    let folder = folder();
    let file = folder.path().join("file");
    let (look, _) = Look::new(vec![file.clone()], listen).again().await.unwrap();
    let why = look.blind().unwrap();
    assert!(why.contains("fs.inotify.max_user_instances"), "{why}");
    MAY_LISTEN.store(true, Ordering::Relaxed);
    let (look, _) = look.again().await.unwrap();
    assert_eq!(look.blind(), None);
    write(&file, "x").unwrap();
    timeout(DEADLINE, look.inotify().unwrap().hear()).await.unwrap();
}
