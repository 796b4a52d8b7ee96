use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::ThreadId;

use parking_lot::Mutex;
use redb::backends::FileBackend;
use redb::{Builder, StorageBackend};

use super::*;

const LIMITS: StoreLimits = StoreLimits { max_size: 1_000_000, max_keys: 1_000 };

struct Scene {
    folder: tempfile::TempDir,
    store: Arc<Store>,
    bucket: Arc<str>,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(&folder.path().join("store")).expect("it opens");
        Self { folder, store, bucket: "bucket".into() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    async fn set(&self, key: &str, value: &str, limits: StoreLimits) -> Result<(), StoreError> {
        let change = Change::Set(vec![(key.to_owned(), value.into())]);
        self.store.change(&self.bucket, change, limits).await.map(drop)
    }

    async fn change(&self, change: Change) -> Result<Outcome, StoreError> {
        self.store.change(&self.bucket, change, LIMITS).await
    }

    async fn get(&self, key: &str) -> Option<String> {
        let value = self.store.get(&self.bucket, key.to_owned()).await.expect("it can be read");
        value.map(|value| String::from_utf8(value).expect("text"))
    }
}

#[tokio::test]
async fn what_is_set_is_there_until_it_is_deleted() {
    let scene = Scene::new();
    assert_eq!(scene.get("a").await, None);
    scene.set("a", "1", LIMITS).await.expect("room");
    scene.set("a", "2", LIMITS).await.expect("room");
    assert_eq!(scene.get("a").await.as_deref(), Some("2"));
    let other: Arc<str> = "other".into();
    assert_eq!(scene.store.get(&other, "a".to_owned()).await, Ok(None));
    assert_eq!(scene.store.exists(&scene.bucket, "a".to_owned()).await, Ok(true));
    scene.change(Change::Delete(vec!["a".into(), "none".into()])).await.expect("deleted");
    assert_eq!(scene.store.exists(&scene.bucket, "a".to_owned()).await, Ok(false));
}

#[tokio::test]
async fn everything_is_in_the_file_after_it_was_closed() {
    let Scene { folder, store, bucket } = Scene::new();
    let path = folder.path().join("store");
    store.change(&bucket, Change::Set(vec![("a".into(), "1".into())]), LIMITS).await.expect("room");
    drop(store);
    // Opening the file again waits until another thread has closed it.
    let again = tokio::task::spawn_blocking(move || open(&path)).await.expect("no panic");
    let again = again.expect("it opens");
    assert_eq!(again.get(&bucket, "a".to_owned()).await, Ok(Some("1".into())));
}

#[tokio::test]
async fn all_users_of_a_file_share_its_store() {
    let scene = Scene::new();
    std::os::unix::fs::symlink("store", scene.folder.path().join("link")).expect("a link");
    std::fs::hard_link(scene.file(), scene.folder.path().join("hard")).expect("a link");
    for name in ["store", "link", "hard"] {
        let store = open(&scene.folder.path().join(name)).expect("it opens");
        assert!(Arc::ptr_eq(&store, &scene.store), "{name}");
    }
}

#[tokio::test]
async fn new_file_is_readable_only_for_its_user() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let mode = std::fs::metadata(scene.file()).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn files_that_are_no_stores_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(matches!(open(folder.path()), Err(OpenError::NotAFile)));
    let text = folder.path().join("text");
    std::fs::write(&text, "some text that is long enough for a header\n".repeat(200)).expect("ok");
    assert!(matches!(open(&text), Err(OpenError::Foreign(_))));
    let none = folder.path().join("none/store");
    assert!(matches!(open(&none), Err(OpenError::File(_))));
    for not_a_store in [folder.path(), &text] {
        assert!(check(not_a_store).is_err());
    }
}

#[tokio::test]
async fn check_neither_creates_nor_locks_a_file() {
    let scene = Scene::new();
    check(&scene.file()).expect("a store that is open");
    let Scene { folder, store, bucket } = scene;
    drop((store, bucket));
    let file = folder.path().join("store");
    drop(open(&file).expect("no lock"));
    let none = folder.path().join("none");
    check(&none).expect("it can be created");
    assert!(!none.exists());
    std::fs::write(&none, "").expect("a file");
    check(&none).expect("an empty file");
    open(&none).expect("an empty file");
}

#[tokio::test]
async fn limits_hold_for_the_whole_file() {
    let scene = Scene::new();
    // An entry counts as 6 bytes for "bucket", 1 byte for the key, and the length of the value.
    let limits = StoreLimits { max_size: 20, max_keys: 2 };
    scene.set("a", "123", limits).await.expect("10 bytes");
    scene.set("b", "123", limits).await.expect("20 bytes");
    assert_eq!(scene.set("b", "1234", limits).await, Err(StoreError::FullOfBytes(20)));
    assert_eq!(scene.get("b").await.as_deref(), Some("123"));
    let wide = StoreLimits { max_size: 100, ..limits };
    assert_eq!(scene.set("c", "", wide).await, Err(StoreError::FullOfKeys(2)));
    let other: Arc<str> = "other".into();
    let change = Change::Set(vec![("c".into(), Vec::new())]);
    let elsewhere = scene.store.change(&other, change, wide).await;
    assert_eq!(elsewhere, Err(StoreError::FullOfKeys(2)));
    // Even above the limit, a smaller value is allowed, and deleting a key makes room.
    let tight = StoreLimits { max_size: 1, max_keys: 1 };
    scene.set("a", "12", tight).await.expect("smaller");
    scene.change(Change::Delete(vec!["b".into()])).await.expect("deleted");
    scene.set("c", "123", limits).await.expect("room again");
}

#[tokio::test]
async fn change_of_several_keys_happens_as_a_whole_or_not_at_all() {
    let scene = Scene::new();
    let limits = StoreLimits { max_keys: 2, ..LIMITS };
    let three = ["a", "b", "c"].map(|key| (key.to_owned(), b"1".to_vec()));
    let refused = scene.store.change(&scene.bucket, Change::Set(three.into()), limits).await;
    assert_eq!(refused, Err(StoreError::FullOfKeys(2)));
    assert_eq!(scene.get("a").await, None);
    // A key that a change contains three times counts as one key, and gets the last value.
    let same = [1, 2, 3].map(|value: u8| ("a".to_owned(), value.to_string().into()));
    scene.store.change(&scene.bucket, Change::Set(same.into()), limits).await.expect("one key");
    assert_eq!(scene.get("a").await.as_deref(), Some("3"));
    scene.set("b", "", limits).await.expect("the second key");
    assert_eq!(scene.set("c", "", limits).await, Err(StoreError::FullOfKeys(2)));
}

#[tokio::test]
async fn numbers_are_added_in_decimal_digits() {
    let scene = Scene::new();
    let add = |delta| scene.change(Change::Increment("n".to_owned(), delta));
    assert_eq!(add(5).await, Ok(Outcome::Number(5)));
    assert_eq!(add(-7).await, Ok(Outcome::Number(-2)));
    assert_eq!(scene.get("n").await.as_deref(), Some("-2"));
    assert!(matches!(add(i64::MIN).await, Err(StoreError::NotANumber(_))));
    scene.set("n", "two", LIMITS).await.expect("room");
    assert!(matches!(add(1).await, Err(StoreError::NotANumber(_))));
    assert_eq!(scene.get("n").await.as_deref(), Some("two"));
}

#[tokio::test]
async fn swap_changes_only_what_has_not_changed() {
    let scene = Scene::new();
    let swap =
        |version, value: &str| scene.change(Change::Swap("a".to_owned(), version, value.into()));
    assert_eq!(swap(Version::of(None), "1").await, Ok(Outcome::Done));
    let one = Version::of(Some(b"1"));
    assert_eq!(swap(Version::of(None), "2").await, Ok(Outcome::Stale(one)));
    assert_eq!(swap(one, "").await, Ok(Outcome::Done));
    // An empty value is different from a missing value.
    assert_eq!(swap(Version::of(None), "3").await, Ok(Outcome::Stale(Version::of(Some(b"")))));
}

#[tokio::test]
async fn lengths_and_numbers_are_bounded() {
    let scene = Scene::new();
    let long = "k".repeat(1025);
    assert!(matches!(scene.set(&long, "", LIMITS).await, Err(StoreError::TooLong(_))));
    let get = scene.store.get(&scene.bucket, long.clone()).await;
    assert!(matches!(get, Err(StoreError::TooLong(_))));
    let list = scene.store.list(&scene.bucket, Some(long)).await;
    assert!(matches!(list, Err(StoreError::TooLong(_))));
    let large = vec![("a".to_owned(), vec![0; (1 << 20) + 1])];
    assert!(matches!(scene.change(Change::Set(large)).await, Err(StoreError::TooLong(_))));
    let five = (0..5).map(|key| (key.to_string(), vec![0; 1 << 20])).collect();
    assert!(matches!(scene.change(Change::Set(five)).await, Err(StoreError::TooLong(_))));
    let many = vec![String::new(); 1001];
    assert!(matches!(scene.change(Change::Delete(many)).await, Err(StoreError::TooMany(_))));
    // A handler could ask for the same long value several times in one call.
    let limits = StoreLimits { max_size: 2 << 20, max_keys: 1 };
    let value = "v".repeat(1 << 20);
    scene.set("a", &value, limits).await.expect("room");
    let again = scene.store.get_many(&scene.bucket, vec!["a".to_owned(); 5]).await;
    assert!(matches!(again, Err(StoreError::TooLong(_))));
}

#[tokio::test]
async fn pages_list_each_key_of_the_bucket_once() {
    let scene = Scene::new();
    let limits = StoreLimits { max_keys: 10_000, ..LIMITS };
    let mut expected: Vec<String> = (0..2500).map(|number| number.to_string()).collect();
    for keys in expected.chunks(1000) {
        let pairs = keys.iter().map(|key| (key.clone(), Vec::new())).collect();
        scene.store.change(&scene.bucket, Change::Set(pairs), limits).await.expect("room");
    }
    // The names of these buckets are neighbours of "bucket" in the sort order.
    for name in ["bucke", "bucket\0", "bucket2"] {
        let pairs = vec![("x".to_owned(), Vec::new())];
        scene.store.change(&name.into(), Change::Set(pairs), limits).await.expect("room");
    }
    expected.sort();
    let (mut found, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = scene.store.list(&scene.bucket, cursor).await.expect("a page");
        found.extend(page.keys);
        pages += 1;
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((found == expected, pages), (true, 3));
    // Any text is a valid position.
    let page = scene.store.list(&scene.bucket, Some("9985".to_owned())).await.expect("a page");
    assert!(page.keys.is_empty() || page.keys.iter().all(|key| **key > *"9985"));
    let page = scene.store.list(&scene.bucket, Some("\u{10ffff}".to_owned())).await;
    assert_eq!(page, Ok(Page { keys: Vec::new(), cursor: None }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_wait_are_committed_and_answered_each() {
    let scene = Arc::new(Scene::new());
    let mut adding = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let scene = Arc::clone(&scene);
        adding.spawn(async move { scene.change(Change::Increment("n".to_owned(), 1)).await });
    }
    let mut sums: Vec<_> = adding.join_all().await;
    sums.sort_by_key(|sum| match sum {
        Ok(Outcome::Number(number)) => *number,
        other => panic!("{other:?}"),
    });
    assert_eq!(sums, (1..=200).map(|sum| Ok(Outcome::Number(sum))).collect::<Vec<_>>());
}

/// A file on a disk that may be full, and the thread that wrote last.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    is_full: Arc<AtomicBool>,
    writer: Arc<Mutex<Option<ThreadId>>>,
}

impl Disk {
    fn open(path: &Path, is_full: &Arc<AtomicBool>, writer: &Arc<Mutex<Option<ThreadId>>>) -> Self {
        let mut options = std::fs::OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = FileBackend::new(file.expect("a file")).expect("a file");
        Self { file, is_full: Arc::clone(is_full), writer: Arc::clone(writer) }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        *self.writer.lock() = Some(std::thread::current().id());
        match self.is_full.load(Ordering::SeqCst) {
            true => Err(io::Error::from(io::ErrorKind::StorageFull)),
            false => self.file.write(offset, data),
        }
    }
}

#[tokio::test]
async fn store_continues_when_a_full_disk_has_room_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, is_full) = (folder.path().join("store"), Arc::new(AtomicBool::new(false)));
    let writer = Arc::default();
    let disk = {
        let (is_full, writer) = (Arc::clone(&is_full), Arc::clone(&writer));
        move || {
            let opened = Builder::new().create_with_backend(Disk::open(&path, &is_full, &writer));
            opened.map_err(|error| OpenError::Foreign(error.to_string()))
        }
    };
    let (closing, _closed) = sync_channel(0);
    let store = Arc::new(Store::open(disk, closing).expect("it opens"));
    let scene = Scene { folder, store, bucket: "bucket".into() };
    scene.set("a", "1", LIMITS).await.expect("room");
    let this = std::thread::current().id();
    assert!(writer.lock().is_some_and(|writer| writer != this), "a worker waits for no disk");
    is_full.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let set = scene.set("b", "2", LIMITS).await;
        assert!(matches!(set, Err(StoreError::Unavailable(_))), "{set:?}");
    }
    is_full.store(false, Ordering::SeqCst);
    scene.set("c", "3", LIMITS).await.expect("room again");
    assert_eq!(scene.get("a").await.as_deref(), Some("1"));
    assert_eq!(scene.get("c").await.as_deref(), Some("3"));
}
