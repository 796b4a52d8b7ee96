//! A new token of the admin address, without a restart.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use ws_host_test_support::TestServer;

use crate::configured::{Configuration, ask_admin, hang_up};
use crate::encrypted::Authority;

const OLD: &str = "an-old-token-that-nobody-guesses";
const NEW: &str = "a-new-token-that-nobody-guesses";

/// Sends a request with a token. Returns the status and the body of the response.
fn ask(admin: SocketAddr, request: &str, token: &str) -> Result<(u16, String)> {
    let response = ask_admin(admin, request, &format!("Authorization: Bearer {token}\r\n"), b"")?;
    Ok((response.status, response.body))
}

/// Returns the statuses of requests with the old token and with the new one.
fn statuses(admin: SocketAddr) -> Result<[u16; 2]> {
    Ok([ask(admin, "GET /clients", OLD)?.0, ask(admin, "GET /clients", NEW)?.0])
}

fn serve(token: &Path) -> Result<(TestServer, SocketAddr)> {
    std::fs::write(token, OLD)?;
    TestServer::with_admin("echo", &["--admin-token", &token.to_string_lossy()])
}

#[test]
fn new_token_holds_from_the_reload_on_and_the_old_one_no_longer() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("token");
    let (mut server, admin) = serve(&token)?;
    std::fs::write(&token, format!("{NEW}\n"))?;
    assert_eq!(statuses(admin)?, [200, 401], "only a reload reads it");
    hang_up(&server)?;
    server.wait_for_log("the admin address has a new token")?;
    assert_eq!(statuses(admin)?, [401, 200]);
    // A request to reload is authorized by the token that holds until then.
    std::fs::write(&token, OLD)?;
    assert_eq!(ask(admin, "POST /reload", OLD)?.0, 401);
    assert_eq!(ask(admin, "POST /reload", NEW)?.0, 200);
    assert_eq!(statuses(admin)?, [200, 401]);
    Ok(())
}

#[test]
fn token_that_cannot_be_read_keeps_the_old_one_and_the_reload_reports_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("token");
    let (mut server, admin) = serve(&token)?;
    for text in [Some(""), Some("short"), None] {
        match text {
            Some(text) => std::fs::write(&token, text)?,
            None => std::fs::remove_file(&token)?,
        }
        let (status, body) = ask(admin, "POST /reload", OLD)?;
        assert_eq!(status, 422, "{text:?}: {body}");
        assert!(body.starts_with("admin-token: ") && body.contains("/token"), "{text:?}: {body}");
        hang_up(&server)?;
        let line = server.wait_for_log("the configuration was not reloaded")?;
        assert!(line.contains("admin-token"), "{text:?}: {line}");
        assert_eq!(statuses(admin)?, [200, 401], "{text:?}");
    }
    Ok(())
}

#[test]
fn token_is_replaced_even_if_the_certificate_cannot_be_used() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("token");
    std::fs::write(&token, OLD)?;
    let authority = Authority::new()?;
    let (certificate, key) = authority.write(&authority.vouch_for("server")?)?;
    let flags = [
        ["--tls-cert", &certificate],
        ["--tls-key", &key],
        ["--admin-token", &token.to_string_lossy()],
    ];
    let (_server, admin) = TestServer::with_admin("echo", &flags.concat())?;
    std::fs::write(&token, NEW)?;
    std::fs::write(&key, "no key")?;
    let (status, body) = ask(admin, "POST /reload", OLD)?;
    assert_eq!(status, 422, "{body}");
    assert!(body.contains(&key), "{body}");
    assert_eq!(statuses(admin)?, [401, 200]);
    Ok(())
}

#[test]
fn token_of_a_configuration_file_is_read_again_even_if_the_file_has_an_error() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("token");
    std::fs::write(&token, OLD)?;
    let server = format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nadmin-token = {:?}\n[[resource]]\ncomponent = \"{{{{echo}}}}\"\n",
        token.to_string_lossy()
    );
    let configuration = Configuration::new(&server)?;
    let mut server = configuration.serve()?;
    let admin = server.admin()?;
    std::fs::write(&token, NEW)?;
    configuration.write("listen = 1\n")?;
    assert_eq!(ask(admin, "POST /reload", OLD)?.0, 422);
    assert_eq!(statuses(admin)?, [401, 200]);
    Ok(())
}
