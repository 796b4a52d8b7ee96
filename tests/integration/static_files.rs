//! Static files beside WebSockets.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;
use ws_host_test_support::{Client, Response, TestServer};

fn get(server: &TestServer, path: &str) -> Result<Response> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    Response::to(server.address(), &request)
}

/// Serves the folder `pages` inside `folder`.
fn serving(folder: &Path, flags: &[&str]) -> Result<TestServer> {
    let pages = folder.join("pages");
    let all = [&["--static", pages.to_str().context("a name that is not UTF-8")?], flags].concat();
    TestServer::with_arguments("echo", &all)
}

/// Creates a folder with one file. Returns it with its path, for `--static`.
pub(crate) fn folder_with(file: &str, content: &str) -> Result<(TempDir, String)> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join(file), content)?;
    let path = folder.path().to_str().context("a path that is not UTF-8")?.to_owned();
    Ok((folder, path))
}

fn pages() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    fs::create_dir_all(folder.path().join("pages/docs"))?;
    fs::write(folder.path().join("secret.txt"), "secret")?;
    fs::write(folder.path().join("pages/index.html"), "<p>welcome")?;
    fs::write(folder.path().join("pages/code.js"), "'code'")?;
    fs::write(folder.path().join("pages/docs/index.html"), "<p>docs")?;
    Ok(folder)
}

#[test]
fn files_and_clients_share_a_path() -> Result<()> {
    let folder = pages()?;
    let server = serving(folder.path(), &[])?;
    let index = get(&server, "/")?;
    assert_eq!((index.status, index.body.as_str()), (200, "<p>welcome"));
    assert_eq!(get(&server, "/code.js")?.body, "'code'");
    assert_eq!(get(&server, "/healthz")?.body, "ok\n");
    assert_eq!(get(&server, "/nothing.js")?.status, 404);
    assert_eq!(get(&server, "/code.js/")?.status, 404);
    for outside in ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "//secret.txt"] {
        let response = get(&server, outside)?;
        assert_eq!(response.status, 404, "{outside}: {response:?}");
    }
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn text_files_have_a_charset_and_other_files_their_content_type() -> Result<()> {
    let folder = pages()?;
    fs::write(folder.path().join("pages/picture.png"), "")?;
    fs::write(folder.path().join("pages/unknown"), "")?;
    // The target of a link may have no extension.
    symlink("unknown", folder.path().join("pages/style.css"))?;
    let server = serving(folder.path(), &[])?;
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/code.js", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/picture.png", "image/png"),
        ("/unknown", "application/octet-stream"),
    ] {
        assert_eq!(get(&server, path)?.header("content-type"), Some(kind), "{path}");
    }
    Ok(())
}

/// Neither a pipe, on which a server would block for ever, nor an overlong name is a file.
#[test]
fn only_regular_files_are_served() -> Result<()> {
    let folder = pages()?;
    let pipe = folder.path().join("pages/pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status()?.success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("pages/socket"))?;
    symlink("/dev/zero", folder.path().join("pages/zero"))?;
    symlink("around", folder.path().join("pages/around"))?;
    let server = serving(folder.path(), &["--static-links", "anywhere"])?;
    let long = format!("/{}", "a".repeat(300));
    for path in ["/pipe", "/socket", "/zero", "/around", &long, "/a%00b", "/docs/index.html/x"] {
        assert_eq!(get(&server, path)?.status, 404, "{path}");
    }
    Ok(())
}

#[test]
fn hidden_files_are_not_served_except_well_known() -> Result<()> {
    let folder = pages()?;
    let pages = folder.path().join("pages");
    for file in [".git/config", ".env", "docs/.secret", ".well-known/acme-challenge/token"] {
        fs::create_dir_all(pages.join(file).parent().context("no folder")?)?;
        fs::write(pages.join(file), "there")?;
    }
    let server = serving(folder.path(), &[])?;
    for path in ["/.git/config", "/.env", "/%2eenv", "/docs/.secret"] {
        assert_eq!(get(&server, path)?.status, 404, "{path}");
    }
    assert_eq!(get(&server, "/.well-known/acme-challenge/token")?.body, "there");
    Ok(())
}

#[test]
fn links_out_of_the_folder_are_followed_only_if_allowed() -> Result<()> {
    let folder = pages()?;
    let pages = folder.path().join("pages");
    symlink("../secret.txt", pages.join("out.txt"))?;
    symlink(folder.path(), pages.join("up"))?;
    symlink("code.js", pages.join("in.js"))?;
    fs::create_dir(pages.join("folder"))?;
    symlink("../../secret.txt", pages.join("folder/index.html"))?;
    let server = serving(folder.path(), &[])?;
    assert_eq!(get(&server, "/in.js")?.body, "'code'");
    for path in ["/out.txt", "/up/secret.txt", "/folder/"] {
        assert_eq!(get(&server, path)?.status, 404, "{path}");
    }
    let server = serving(folder.path(), &["--static-links", "anywhere"])?;
    for path in ["/out.txt", "/up/secret.txt", "/folder/"] {
        assert_eq!(get(&server, path)?.body, "secret", "{path}");
    }
    Ok(())
}

/// Covers a Kubernetes ConfigMap, whose files are links into a hidden folder inside, and switched releases, where the
/// folder itself is a link.
#[test]
fn folders_are_replaced_while_they_are_served() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let pages = folder.path().join("pages");
    fs::create_dir_all(pages.join("..v1"))?;
    fs::write(pages.join("..v1/index.html"), "v1")?;
    symlink("..v1", pages.join("..data"))?;
    symlink("..data/index.html", pages.join("index.html"))?;
    let server = serving(folder.path(), &[])?;
    assert_eq!(get(&server, "/")?.body, "v1");
    fs::create_dir(pages.join("..v2"))?;
    fs::write(pages.join("..v2/index.html"), "v2")?;
    symlink("..v2", pages.join("..data_tmp"))?;
    fs::rename(pages.join("..data_tmp"), pages.join("..data"))?;
    fs::remove_dir_all(pages.join("..v1"))?;
    assert_eq!(get(&server, "/")?.body, "v2");

    fs::create_dir(folder.path().join("release"))?;
    fs::write(folder.path().join("release/index.html"), "v3")?;
    fs::rename(&pages, folder.path().join("old"))?;
    symlink("release", &pages)?;
    assert_eq!(get(&server, "/")?.body, "v3");
    Ok(())
}

#[test]
fn folder_without_a_slash_is_redirected_and_never_to_another_host() -> Result<()> {
    let folder = pages()?;
    let evil = folder.path().join("pages/\\evil.example");
    fs::create_dir(&evil)?;
    fs::write(evil.join("index.html"), "evil")?;
    let server = serving(folder.path(), &[])?;
    let docs = get(&server, "/docs?a=1")?;
    assert_eq!((docs.status, docs.header("location")), (308, Some("/docs/?a=1")));
    assert_eq!(get(&server, "/docs/")?.body, "<p>docs");
    for path in ["//docs", "//evil.example/..", "///docs"] {
        let response = get(&server, path)?;
        assert_eq!((response.status, response.header("location")), (404, None), "{path}");
    }
    assert_eq!(get(&server, "/%5Cevil.example")?.header("location"), Some("/%5Cevil.example/"));
    Ok(())
}

#[test]
fn range_and_conditional_requests_are_answered() -> Result<()> {
    let folder = pages()?;
    let server = serving(folder.path(), &[])?;
    let ask = |headers: &str| {
        let request = format!(
            "GET /code.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        );
        Response::to(server.address(), &request)
    };
    let part = ask("Range: bytes=1-4\r\n")?;
    assert_eq!((part.status, part.body.as_str()), (206, "code"));
    let whole = ask("")?;
    // RFC 9110 §14.2: an invalid Range is ignored. §13.1.5: so is a Range with an If-Range of another version.
    for other in [
        "Range: bytes=-100\r\n",
        "Range: octets=0-1\r\n",
        "Range: bytes=0-1,3-4\r\n",
        "Range: bytes=a-b\r\n",
        "Range: bytes=1-4\r\nIf-Range: \"another\"\r\n",
        "Range: bytes=1-4\r\nIf-Range: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
    ] {
        let response = ask(other)?;
        assert_eq!((response.status, &response.body), (200, &whole.body), "{other}");
    }
    assert_eq!(ask("Range: bytes=100-\r\n")?.status, 416);
    let since = whole.header("last-modified").context("no time")?;
    assert_eq!(ask(&format!("If-Modified-Since: {since}\r\n"))?.status, 304);
    Ok(())
}

#[test]
fn static_links_needs_a_static_folder() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--static-links", "anywhere"]);
    let error = format!("{:#}", server.expect_err("no folder"));
    assert!(error.contains("--static"), "{error}");
    Ok(())
}
