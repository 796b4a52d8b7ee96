//! Ordinary HTTP beside WebSockets.

use anyhow::Result;
use ws_host_test_support::{Answer, Client, TestServer};

fn get(server: &TestServer, path: &str) -> Result<Answer> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    Answer::to(server.address(), &request)
}

#[test]
fn files_and_clients_share_a_path() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("pages"))?;
    std::fs::write(folder.path().join("secret.txt"), "secret")?;
    std::fs::write(folder.path().join("pages/index.html"), "<p>welcome")?;
    std::fs::write(folder.path().join("pages/code.js"), "'code'")?;
    let pages = folder.path().join("pages");
    let flags = ["--static", pages.to_str().expect("a name in UTF-8")];
    let server = TestServer::with_arguments("echo", &flags)?;

    let index = get(&server, "/")?;
    assert_eq!((index.status, index.body.as_str()), (200, "<p>welcome"));
    assert_eq!(index.header("content-type"), Some("text/html"));
    assert_eq!(get(&server, "/code.js")?.body, "'code'");
    assert_eq!(get(&server, "/healthz")?.body, "ok\n");
    assert_eq!(get(&server, "/nothing.js")?.status, 404);
    for outside in ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "//secret.txt"] {
        let answer = get(&server, outside)?;
        assert_ne!(answer.status, 200, "{outside}: {answer:?}");
        assert!(!answer.body.contains("secret\n") && answer.body != "secret", "{answer:?}");
    }
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    Ok(())
}
