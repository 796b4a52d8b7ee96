//! Which clients share an instance, and how one of them can affect the others.

use anyhow::{Context, Result};
use ws_host_test_support::{Client, Response, TestServer, handshake, raise_open_files};

use crate::keeper::{Keeper, counter, join};

const ROOMS: &[&str] = &["--path", "/room/{id}", "--instance-per", "path"];
const ALONE: &[&str] = &["--instance-per", "client"];

#[test]
fn clients_of_a_resource_share_one_instance() -> Result<()> {
    let server = TestServer::with_arguments("guest-keeper", &["--workers", "3"])?;
    for count in 1..5 {
        assert_eq!(Client::connect(&server)?.ask("count")?.parse::<u64>()? % 100, count);
    }
    Ok(())
}

#[test]
fn clients_are_spread_over_the_instances_of_a_resource() -> Result<()> {
    let flags = ["--instances", "3", "--workers", "2"];
    let server = TestServer::with_arguments("guest-keeper", &flags)?;
    let mut clients = Client::connect_many(&server, 9)?;
    let counts: Result<Vec<_>> = clients.iter_mut().map(|client| client.ask("count")).collect();
    assert_eq!(counts?, ["1", "1", "1", "2", "2", "2", "3", "3", "3"]);
    assert_eq!(clients[0].ask("clients")?, "3");
    Ok(())
}

#[test]
fn each_path_has_its_instance() -> Result<()> {
    let flags = [ROOMS, &["--workers", "2"]].concat();
    let server = TestServer::with_arguments("guest-keeper", &flags)?;
    let mut red = join(&server, "/room/red")?;
    let mut also_red = join(&server, "/room/red")?;
    let mut blue = join(&server, "/room/blue")?;
    assert_eq!(red.ask("count")?, "1");
    assert_eq!(also_red.ask("count")?, "2");
    assert_eq!(blue.ask("count")?, "1");
    assert_eq!(red.ask("clients")?, "2");
    assert_eq!(blue.ask("clients")?, "1");
    let response = Response::to(server.address(), &handshake("/room/", ""))?;
    assert_eq!(response.status, 404, "{response:?}");
    Ok(())
}

#[test]
fn every_spelling_of_a_path_is_one_instance() -> Result<()> {
    let server = TestServer::with_arguments("guest-keeper", ROOMS)?;
    let spellings = [("a%2Fb", "a%2fb"), ("r\u{e4}ume", "r%c3%a4ume"), ("~me", "%7Eme")];
    for (one, other) in spellings {
        let mut first = Client::connect_to(&server, &format!("/room/{one}"))?;
        let mut second = Client::connect_to(&server, &format!("/ro%6Fm/{other}"))?;
        assert_eq!(first.receive_text()?, second.receive_text()?, "{one} {other}");
        assert_eq!((first.ask("count")?, second.ask("count")?), ("1".into(), "2".into()));
    }
    Ok(())
}

#[test]
fn unescaped_path_in_the_settings_matches_escaped_requests() -> Result<()> {
    for path in ["/r\u{e4}ume/*", "/r%c3%a4ume/*"] {
        let server = TestServer::with_arguments("guest-about", &["--path", path])?;
        for (asked, logged) in
            [("/r%C3%A4ume/", "/r%C3%A4ume/"), ("/r\u{e4}ume/%7bx%7D", "/r%C3%A4ume/%7Bx%7D")]
        {
            let about = Client::connect_to(&server, asked)?.ask("request")?;
            assert!(about.contains(&format!("path: \"{logged}\"")), "{asked}: {about}");
        }
        let response = Response::to(server.address(), &handshake("/r%C3%A4ume", ""))?;
        assert_eq!(response.status, 404, "{response:?}");
    }
    let server = TestServer::with_arguments("echo", &["--path", "/*"])?;
    for path in ["/", "/a", "/a/b"] {
        assert_eq!(Client::connect_to(&server, path)?.ask(path)?, path);
    }
    Ok(())
}

#[test]
fn each_client_has_its_instance() -> Result<()> {
    let flags = [ALONE, &["--workers", "2"]].concat();
    let server = TestServer::with_arguments("guest-keeper", &flags)?;
    let mut clients = Client::connect_many(&server, 20)?;
    for client in &mut clients {
        assert_eq!(client.ask("count")?, "1");
        assert_eq!(client.ask("clients")?, "1");
    }
    Ok(())
}

#[test]
fn workers_are_threads() -> Result<()> {
    let flags = ["--workers", "3", "--instances", "3"];
    let server = TestServer::with_arguments("echo", &flags)?;
    // Worker threads start when they get work.
    let _clients =
        [Client::connect(&server)?, Client::connect(&server)?, Client::connect(&server)?];
    let mut names = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{}/task", server.process_id()))? {
        names.push(std::fs::read_to_string(thread?.path().join("comm"))?.trim().to_owned());
    }
    for name in ["worker-1", "worker-2"] {
        assert!(names.iter().any(|found| found == name), "{names:?}");
    }
    Ok(())
}

#[test]
fn background_threads_have_a_lower_priority_than_workers() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--workers", "2", "--instances", "2"])?;
    let _clients = [Client::connect(&server)?, Client::connect(&server)?];
    // The tests, and with them the host, may have been started with a nice value.
    let own = nice_value(&std::fs::read_to_string("/proc/thread-self/stat")?)?.1;
    let mut threads = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{}/task", server.process_id()))? {
        threads.push(nice_value(&std::fs::read_to_string(thread?.path().join("stat"))?)?);
    }
    // Compiling the component, or reading it from the cache, has started at least one of those threads.
    let of = |name: &str| -> Vec<i32> {
        threads.iter().filter(|(found, _)| found == name).map(|(_, value)| *value).collect()
    };
    let background = of("tokio-rt-worker");
    let nicer = (own + 10).min(19);
    assert!(
        !background.is_empty() && background.iter().all(|value| *value == nicer),
        "{threads:?}"
    );
    assert_eq!(of("worker-1"), [own], "{threads:?}");
    Ok(())
}

/// Returns the name of a thread and its nice value.
fn nice_value(status: &str) -> Result<(String, i32)> {
    // `pid (name) state ppid …`: the nice value is the 17th field after the name.
    let (front, behind) = status.rsplit_once(") ").context("no name")?;
    let (_, name) = front.split_once('(').context("no name")?;
    let value = behind.split(' ').nth(16).context("no nice value")?.parse()?;
    Ok((name.to_owned(), value))
}

#[test]
fn faults_in_the_sandbox_of_one_client_affect_no_other() -> Result<()> {
    let flags = [ALONE, &["--max-cpu", "300ms", "--max-memory", "8MiB", "--workers", "2"]].concat();
    let mut server = TestServer::with_arguments("guest-keeper", &flags)?;
    let mut others = Client::connect_many(&server, 10)?;
    for (word, logged) in [
        ("trap", "the handler trapped"),
        ("spin", "max-cpu allows 300ms"),
        ("hoard", "max-memory allows 8 MiB"),
        ("deep 10000000", "call stack exhausted"),
    ] {
        let mut client = Client::connect(&server)?;
        client.send_text(word)?;
        for other in &mut others {
            assert_eq!(other.ask("still here?")?, "still here?");
        }
        client.expect_close(1011)?;
        let line = server.wait_for_log(logged)?;
        for word in ["resource=\"guest-", "actor=", "client="] {
            assert!(line.contains(word), "{word} is not in {line}");
        }
    }
    for other in &mut others {
        assert_eq!(other.ask("count")?, "1");
    }
    Ok(())
}

#[test]
fn trap_in_one_room_does_not_affect_ten_thousand_others() -> Result<()> {
    const COUNT: usize = 10_000;
    raise_open_files();
    let sizes = ["--max-clients", "11000", "--max-instances", "11000", "--workers", "2"];
    // These clients answer no pings, and connecting all of them can take long.
    let flags = [ROOMS, &sizes, &["--idle-timeout", "0"]].concat();
    let mut server = TestServer::with_arguments("guest-keeper", &flags)?;
    let mut rooms = (0..COUNT)
        .map(|number| {
            join(&server, &format!("/room/{number}")).with_context(|| format!("room {number}"))
        })
        .collect::<Result<Vec<_>>>()?;
    for room in &mut rooms {
        room.send_text("count")?;
    }
    for room in &mut rooms {
        assert_eq!(room.receive_text()?, "1");
    }
    let mut victim = rooms.swap_remove(COUNT / 2);
    victim.send_text("trap")?;
    victim.expect_close(1011)?;
    server.wait_for_log("the handler trapped")?;
    for room in &mut rooms {
        room.send_text("count")?;
    }
    for room in &mut rooms {
        assert_eq!(room.receive_text()?, "2");
    }
    Ok(())
}

#[test]
fn client_without_an_instance_gets_503_until_a_room_is_deserted() -> Result<()> {
    let flags = [ROOMS, &["--max-instances", "2"]].concat();
    let (mut server, admin) = TestServer::with_admin("guest-keeper", &flags)?;
    let red = join(&server, "/room/red")?;
    let mut blue = join(&server, "/room/blue")?;
    let response = Response::to(server.address(), &handshake("/room/green", ""))?;
    assert_eq!(response.status, 503, "{response:?}");
    assert!(response.header("retry-after").is_some(), "{response:?}");
    let line = server.wait_for_log("max-instances")?;
    assert!(line.contains("max-instances allows 2"), "{line}");
    let faults = r#"ws_host_faults_total{resource="guest-keeper",kind="instances"}"#;
    assert_eq!(counter(admin, faults)?, 1);
    assert_eq!(
        counter(admin, r#"ws_host_refused_total{resource="guest-keeper",full="instances"}"#)?,
        1
    );
    assert_eq!(blue.ask("count")?, "1");
    red.close()?;
    while Response::to_head(server.address(), &handshake("/room/green", ""))?.status == 503 {}
    Ok(())
}

#[test]
fn client_whose_instance_cannot_wake_is_closed_with_1013() -> Result<()> {
    let limits = ["--max-instances", "1", "--hibernate-after", "100ms", "--log", "ws_host=debug"];
    let mut server = TestServer::with_arguments("guest-keeper", &[ROOMS, &limits].concat())?;
    let mut red = join(&server, "/room/red")?;
    let mut also_red = join(&server, "/room/red")?;
    assert_eq!(red.ask("count")?, "1");
    server.wait_for_log("hibernated")?;
    let mut blue = join(&server, "/room/blue")?;
    assert_eq!(blue.ask("sleep 3000")?, "asleep");
    red.send_text("count")?;
    red.expect_close(1013)?;
    server.wait_for_log("max-instances allows 1")?;
    // When an instance is free again, the room still has its state, and gets the event of the client that left.
    assert_eq!(blue.receive_text()?, "awake");
    let mut count = also_red.ask("count")?;
    assert!(["2", "102"].contains(&count.as_str()), "{count}");
    while count.len() < 3 {
        count = also_red.ask("count")?;
    }
    Ok(())
}

#[test]
fn event_over_max_time_ends_its_instance() -> Result<()> {
    let (mut server, mut other) =
        TestServer::with_client("guest-keeper", &["--max-time", "200ms"])?;
    assert_eq!(other.ask("count")?, "1");
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("sleep 600000")?, "asleep");
    client.expect_close(1011)?;
    server.wait_for_log("max-time allows 200ms")?;
    assert_eq!(other.ask("history")?, "nothing for 1 ");
    Ok(())
}

#[test]
fn handler_that_keeps_failing_is_given_up() -> Result<()> {
    // Version 8 panics in every `resume`.
    let keeper = Keeper::new()?;
    keeper.replace_with(8)?;
    let server = keeper.serve(&["--no-watch"])?;
    let mut clients = Client::connect_many(&server, 12)?;
    for client in &mut clients {
        client.send_text("trap")?;
    }
    let mut reasons = Vec::new();
    for client in &mut clients {
        let (code, reason) = client.receive_close()?;
        assert_eq!(code, 1011);
        reasons.push(reason);
    }
    assert!(reasons.iter().any(|reason| reason == "the handler failed"), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason == "the handler keeps failing"), "{reasons:?}");
    Ok(())
}
