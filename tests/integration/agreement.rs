//! The `TestHost` of the SDK behaves as the host does: one handler, compiled for both, gets the same events in both,
//! and its clients must see the same.

mod fake;
mod real;

#[path = "../guests/examples/contract.rs"]
mod contract;

use anyhow::{Context, Result};

const GUEST: &str = "guest-contract";

/// What a client sees, in order.
type Seen = Vec<String>;

/// A host with clients, which have numbers in the order in which they connected.
trait Host {
    /// Connects a client. Returns the chosen subprotocol and the handler's header, or how the client was refused.
    fn connect(&mut self, path: &str, offers: &[&str]) -> Result<String>;
    /// Sends a text of a client, and waits until it has been handled.
    fn send(&mut self, client: usize, text: &str) -> Result<()>;
    fn send_pong(&mut self, client: usize, length: usize) -> Result<()>;
    /// Closes the connection of a client.
    fn close(&mut self, client: usize, code: u16, reason: &str) -> Result<()>;
    /// Drops the connection of a client.
    fn drop(&mut self, client: usize) -> Result<()>;
    /// Lets time pass until this client has got `count` things since [`seen`](Self::seen) was called.
    fn wait(&mut self, client: usize, count: usize) -> Result<()>;
    fn custom(&mut self, message: &str) -> Result<String>;
    fn publish(&mut self, topic: &str, message: &str) -> Result<String>;
    fn reload(&mut self) -> Result<()>;
    fn stop(&mut self) -> Result<()>;
    /// Returns what each client has seen since the last call.
    fn seen(&mut self) -> Result<Vec<Seen>>;
}

/// Does a script with a host, and returns a line for each thing that was seen.
fn transcript(host: &mut impl Host, script: &str) -> Result<String> {
    let mut transcript = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (who, what) = line.split_once(' ').unwrap_or((line, ""));
        let result = step(host, who, what).with_context(|| format!("{transcript}{line}"))?;
        transcript += &format!("{line}\n");
        if !result.is_empty() {
            transcript += &format!("    = {result}\n");
        }
        let seen = host.seen().with_context(|| format!("{transcript}after {line}"))?;
        for (client, seen) in seen.iter().enumerate() {
            for seen in seen {
                transcript += &format!("    {client}: {seen}\n");
            }
        }
    }
    Ok(transcript)
}

fn step(host: &mut impl Host, who: &str, what: &str) -> Result<String> {
    let Ok(client) = who.parse() else {
        return match who {
            "connect" => {
                let mut words = what.split(' ');
                host.connect(words.next().unwrap_or("/"), &words.collect::<Vec<_>>())
            }
            "custom" => host.custom(what),
            "publish" => host.publish(what, "from outside"),
            "reload" => host.reload().map(|()| String::new()),
            "stop" => host.stop().map(|()| String::new()),
            other => anyhow::bail!("what is {other}?"),
        };
    };
    let words: Vec<_> = what.split(' ').collect();
    match words[..] {
        ["!close", code, reason] => host.close(client, code.parse()?, reason)?,
        ["!drop"] => host.drop(client)?,
        ["!pong", length] => host.send_pong(client, length.parse()?)?,
        ["!await", count, ..] => {
            let (_, text) = what.split_once(count).unwrap_or_default();
            host.send(client, text.trim_start())?;
            host.wait(client, count.parse()?)?;
        }
        _ => host.send(client, what)?,
    }
    Ok(String::new())
}

/// Checks that both hosts give the same transcript, and that this text is in it: what the script is about.
fn agree(script: &str, about: &[&str]) -> Result<()> {
    let fake = transcript(&mut fake::start(), script)?;
    let real = transcript(&mut real::start()?, script)?;
    assert_eq!(fake, real, "left: the TestHost, right: the host");
    for about in about {
        assert!(real.contains(about), "{about:?} is not in\n{real}");
    }
    Ok(())
}

#[test]
fn handshakes_are_answered_alike() -> Result<()> {
    agree(
        "connect /room/a?choose=b&header=X-Own:yes a b
         0 request
         connect /room/a?choose=c&header=upgrade:yes&header=&header=a:%&long=8191&long=8192 a b
         1 request
         connect /room/a
         connect /room/a?refuse=404
         connect /room/a?header=x-own:1&refuse=302
         connect /room/a?refuse=200
         connect /room/a?fail=so
         0 send other hello",
        &[
            "NotOffered",
            "ReservedHeader",
            "InvalidHeader",
            "TooLong",
            "= refused 404",
            "= refused 500",
        ],
    )
}

#[test]
fn sends_and_closes_are_answered_alike() -> Result<()> {
    agree(
        "connect /room/a
         connect /room/a
         0 send nobody x
         0 bytes me 4
         0 bytes me 20000
         0 bytes me 9990
         0 ping me 125
         0 ping me 126
         0 pong me 3
         0 !pong 5
         0 buffered me
         0 frames me
         0 options me 1000
         0 options me 1001
         0 options me 1
         0 broadcast other hello
         0 fill me
         0 fill other
         0 attach me 16384
         0 attach me 16385
         0 attachment me
         0 close me 1005 0
         0 close me 999 0
         0 close me 1004 0
         0 close me 1015 0
         0 close me 2999 0
         0 close me 5000 0
         0 close me 4000 124
         0 close nobody 1005 0
         0 close other 4000 123
         0 send other x
         connect /room/a
         2 close me 1001 2
         connect /room/a
         3 abort me
         connect /room/a
         0 fail
         4 state me",
        &[
            "TooLong",
            "Full",
            "drained",
            "InvalidCode",
            "ReasonTooLong",
            "TooManyOptions",
            "left: Handler",
        ],
    )
}

#[test]
fn topics_and_tags_are_answered_alike() -> Result<()> {
    agree(
        "connect /room/a
         connect /room/a
         0 subscribe me t
         0 subscribe other t
         0 subscribe me t
         0 subscribe me empty
         0 subscribe me long
         0 subscribe nobody t
         0 subscribe nobody long
         0 publish me t
         0 publish me u
         0 publish me long
         0 except me 1
         0 except me 1001
         publish t
         0 topics me 128
         0 unsubscribe me u
         0 unsubscribe-all me
         0 unsubscribe-all nobody
         0 tag me a
         0 tag other a
         0 tag me long
         0 tag nobody empty
         0 tagged me a
         0 tagged me b
         0 tagged me empty
         0 tags me 33
         0 untag me a
         0 untag me a
         0 close-tagged me long 1000
         0 close-tagged me a 1006
         0 close-tagged me a 4001
         0 tagged me a",
        &["InvalidTopic", "InvalidTag", "TooMany", "from outside", "closed 4001 tag"],
    )
}

#[test]
fn ends_and_times_are_answered_alike() -> Result<()> {
    agree(
        "connect /room/a
         connect /room/a
         0 attach other 3
         0 tag other a
         1 !close 4002 bye
         connect /room/a
         2 !drop
         0 !await 2 timer me 5
         0 timer me 500000
         0 cancel me 7
         0 cancel me 7
         0 timers me 1024
         0 timers me 1025
         0 cancel me 100
         0 !await 2 timer me 5
         0 expire me 900000 1
         0 keep me
         0 keep me
         0 expire nobody 1 1
         connect /room/a
         3 !await 3 expire me 600 590
         custom hello
         custom fail",
        &[
            "left: Client",
            "left: Lost",
            "timer 7 false",
            "TooMany",
            "expiring true",
            "closed 1008 expired",
        ],
    )
}

#[test]
fn states_and_faults_are_handed_over_alike() -> Result<()> {
    agree(
        "connect /room/a
         connect /room/a
         0 tag me a
         0 attach me 5
         reload
         0 attachment me
         0 tagged me a
         0 state me
         1 panic
         0 state me
         connect /room/a?panic=so
         0 state me
         stop",
        &[
            "resumed with Some(\"4 reload\"), Some(Reload) false 2",
            "Some(Fault)",
            "closed 1011",
            "stopping",
        ],
    )
}
