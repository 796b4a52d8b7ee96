//! Replaces files as editors, compilers and deployments do. Each replacement is made ten times in a row.

use std::fs::{create_dir, create_dir_all, read, remove_dir_all, remove_file, rename, write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;

use super::Watch;
use super::check::Checker;
use super::inotify::Inotify;

/// The longest wait for a notification. Only a failing test waits this long.
const DEADLINE: Duration = Duration::from_secs(20);

const ROUNDS: usize = 10;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn expect_change(watch: &Watch, what: &str) {
    let changed = timeout(DEADLINE, watch.changed()).await;
    assert!(changed.is_ok(), "{what} was not noticed");
}

/// Replaces the file repeatedly, and expects that each change is noticed. A notification that is left over from the
/// round before can hide one lost notification, but not two.
async fn expect_each_change(file: &Path, mut replace: impl FnMut(usize)) {
    let watch = Watch::start([file]).await;
    for round in 1..=ROUNDS {
        replace(round);
        assert_eq!(read(file).unwrap(), bytes(round), "the test itself is wrong");
        expect_change(&watch, &format!("replacement {round}")).await;
    }
}

fn bytes(round: usize) -> Vec<u8> {
    format!("{round:03}").into_bytes()
}

/// Replaces a link atomically.
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
    expect_each_change(&file, |round| write(&file, bytes(round)).unwrap()).await;
}

#[tokio::test]
async fn file_replaced_by_a_rename_is_noticed() {
    let folder = folder();
    let file = folder.path().join("file");
    write(&file, bytes(0)).unwrap();
    expect_each_change(&file, |round| {
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
    expect_each_change(&root.join("file"), |round| {
        project(round);
        remove_dir_all(root.join(format!("..2026_{}", round - 1))).unwrap();
    })
    .await;
}

#[tokio::test]
async fn switched_link_to_the_current_release_is_noticed() {
    let folder = folder();
    let root = folder.path();
    release(root, 0);
    symlink("releases/0", root.join("current")).unwrap();
    expect_each_change(&root.join("current/file"), |round| {
        release(root, round);
        switch(&root.join("current"), format!("releases/{round}"));
    })
    .await;
}

#[tokio::test]
async fn switched_link_in_the_middle_of_a_chain_is_noticed() {
    let folder = folder();
    let root = folder.path();
    create_dir(root.join("stage")).unwrap();
    symlink(release(root, 0), root.join("stage/live")).unwrap();
    // `..` goes up from the target of the link, and not from the folder that contains the link.
    symlink("stage/live/../../served/file", root.join("file")).unwrap();
    symlink("stage/live", root.join("served")).unwrap();
    expect_each_change(&root.join("file"), |round| {
        if round % 2 == 1 {
            switch(&root.join("stage/live"), release(root, round));
        } else {
            write(root.join(format!("releases/{}/file", round - 1)), bytes(round)).unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn rewritten_target_of_a_switched_link_is_noticed() {
    let folder = folder();
    let root = folder.path();
    release(root, 0);
    symlink("releases/0", root.join("current")).unwrap();
    expect_each_change(&root.join("current/file"), |round| {
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
async fn recreated_folder_is_noticed() {
    let folder = folder();
    let deep = folder.path().join("target/release");
    let make = |round| {
        create_dir_all(&deep).unwrap();
        write(deep.join("file"), bytes(round)).unwrap();
    };
    make(0);
    expect_each_change(&deep.join("file"), |round| {
        remove_dir_all(folder.path().join("target")).unwrap();
        make(round);
    })
    .await;
}

#[tokio::test]
async fn file_is_noticed_when_its_folders_are_recreated_one_by_one() {
    let folder = folder();
    let target = folder.path().join("target");
    create_dir_all(target.join("release")).unwrap();
    let file = target.join("release/file");
    write(&file, bytes(0)).unwrap();
    let watch = Watch::start([&*file]).await;
    for round in 1..=ROUNDS {
        remove_dir_all(&target).unwrap();
        expect_change(&watch, "the removal").await;
        create_dir(&target).unwrap();
        tokio::task::yield_now().await;
        create_dir(target.join("release")).unwrap();
        tokio::task::yield_now().await;
        write(&file, bytes(round)).unwrap();
        expect_change(&watch, "the recreated file").await;
    }
}

#[tokio::test]
async fn exchanged_folder_is_noticed_at_any_height() {
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
        expect_each_change(&folder.path().join(inside), |round| {
            rename(&swapped, folder.path().join(format!("old-{round}"))).unwrap();
            rename(make(round), &swapped).unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn folder_that_is_moved_away_and_back_is_noticed() {
    let folder = folder();
    let (here, away) = (folder.path().join("here"), folder.path().join("away"));
    create_dir(&here).unwrap();
    write(here.join("file"), bytes(0)).unwrap();
    let file = here.join("file");
    let watch = Watch::start([&*file]).await;
    for round in 1..=ROUNDS {
        rename(&here, &away).unwrap();
        expect_change(&watch, "the removal").await;
        write(away.join("file"), bytes(round)).unwrap();
        rename(&away, &here).unwrap();
        expect_change(&watch, "the return of the folder").await;
        // After this, the file must be watched as before.
        write(&file, bytes(round + 1)).unwrap();
        expect_change(&watch, "the write").await;
    }
}

#[tokio::test]
async fn change_of_any_watched_file_is_noticed() {
    let folder = folder();
    let files = ["certificate", "key", "authorities"].map(|name| folder.path().join(name));
    files.iter().for_each(|file| write(file, "0").unwrap());
    let watch = Watch::start(files.iter().map(PathBuf::as_path)).await;
    for file in files.iter().cycle().take(ROUNDS) {
        write(file, "1").unwrap();
        expect_change(&watch, "a change of one file among several").await;
    }
}

#[tokio::test]
async fn change_of_permissions_is_noticed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let file = folder.path().join("file");
    write(&file, bytes(0)).unwrap();
    let watch = Watch::start([&*file]).await;
    for mode in [0o600, 0o640] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        expect_change(&watch, "the change of permissions").await;
    }
}

#[tokio::test]
async fn relative_path_is_watched() {
    // The path is relative to the folder in which cargo runs the tests.
    let folder = tempfile::tempdir_in(".").unwrap();
    let name = folder.path().file_name().unwrap();
    let file = Path::new(name).join("file");
    write(&file, bytes(0)).unwrap();
    expect_each_change(&file, |round| write(&file, bytes(round)).unwrap()).await;
}

#[tokio::test]
async fn loop_of_links_is_watched_until_it_is_broken() {
    let folder = folder();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    symlink(&one, &other).unwrap();
    symlink(&other, &one).unwrap();
    let watch = Watch::start([&*one]).await;
    remove_file(&other).unwrap();
    write(&other, "a file at last").unwrap();
    expect_change(&watch, "the end of the loop of links").await;
}

#[tokio::test]
async fn forty_links_are_followed_as_in_the_kernel() {
    let folder = folder();
    let link = |number: usize| folder.path().join(number.to_string());
    write(link(0), bytes(0)).unwrap();
    (1..=41).for_each(|number| symlink(link(number - 1), link(number)).unwrap());
    assert!(read(link(40)).is_ok() && read(link(41)).is_err(), "the kernel has another limit");
    expect_each_change(&link(40), |round| write(link(0), bytes(round)).unwrap()).await;
}

#[tokio::test]
async fn change_is_not_lost_when_nobody_waits_while_the_file_settles() {
    let folder = folder();
    let file = folder.path().join("file");
    write(&file, bytes(0)).unwrap();
    let watch = Watch::start([&*file]).await;
    for round in 1..=ROUNDS {
        write(&file, bytes(round)).unwrap();
        // The wait may end before the file settles, while it settles, or after that.
        let wait = Duration::from_millis(5 * round as u64);
        if timeout(wait, watch.changed()).await.is_err() {
            expect_change(&watch, "a change during which nobody waited").await;
        }
    }
}

#[tokio::test]
async fn changes_of_other_files_in_the_folder_are_ignored() {
    let folder = folder();
    let [file, other] = ["file", "other"].map(|name| folder.path().join(name));
    write(&file, bytes(0)).unwrap();
    let watch = Watch::start([&*file]).await;
    for round in 0..ROUNDS {
        write(&other, bytes(round)).unwrap();
        rename(&other, folder.path().join("third")).unwrap();
    }
    // This is longer than it takes to notice a change.
    let changed = timeout(4 * super::QUIET_PERIOD, watch.changed()).await;
    assert!(changed.is_err(), "a change of another file was reported");
    write(&file, bytes(1)).unwrap();
    expect_change(&watch, "a change of the file itself").await;
}

#[tokio::test]
async fn files_are_checked_at_intervals_without_inotify() {
    let folder = folder();
    let root = folder.path();
    release(root, 0);
    symlink("releases/0", root.join("current")).unwrap();
    let file = root.join("current/file");
    let no_inotify = || Err(std::io::ErrorKind::Unsupported.into());
    let watch = Watch::with_interval(Duration::from_millis(20), no_inotify, [&*file]).await;
    for round in 1..=ROUNDS {
        release(root, round);
        switch(&root.join("current"), format!("releases/{round}"));
        expect_change(&watch, &format!("replacement {round}")).await;
    }
}

#[tokio::test]
async fn missing_inotify_is_explained_and_tried_again() {
    static IS_AVAILABLE: AtomicBool = AtomicBool::new(false);
    let start_inotify = || match IS_AVAILABLE.load(Ordering::Relaxed) {
        true => Inotify::start(),
        false => Err(std::io::Error::from_raw_os_error(libc::EMFILE)),
    };
    let folder = folder();
    let file = folder.path().join("file");
    let (checker, _) = Checker::new(vec![file.clone()], start_inotify).check().await.unwrap();
    let why = checker.degraded().unwrap();
    assert!(why.contains("fs.inotify.max_user_instances"), "{why}");
    IS_AVAILABLE.store(true, Ordering::Relaxed);
    let (checker, _) = checker.check().await.unwrap();
    assert_eq!(checker.degraded(), None);
    write(&file, "x").unwrap();
    timeout(DEADLINE, checker.inotify().unwrap().next_change()).await.unwrap();
}
