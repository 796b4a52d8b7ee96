//! Runs a test.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::Test;
use super::pattern::TextPattern;
use super::step::{Clients, CustomTo, Message, Others, PlacedStep, Step};
use crate::error_chain::with_causes;
use crate::testing::{ConnectError, LogLine, Received, TestClient, TestHost};
use crate::{CustomReply, Recipient};

/// How many lines of the log a failure shows.
const SHOWN_LINES: usize = 40;

/// Why a test failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct TestFailure {
    /// The file of the script.
    pub file: PathBuf,
    /// The line of the step, counted from 1.
    pub line: usize,
    /// The step as it is written in the script. `None`: the host did not start.
    pub step: Option<String>,
    /// What is wrong.
    pub what: String,
    /// The log of the host and the handler.
    pub log: Vec<LogLine>,
}

/// The host and the clients of a running test.
struct Run<'a> {
    test: &'a Test,
    host: TestHost,
    clients: BTreeMap<String, TestClient>,
    /// The number of log lines that earlier steps have checked.
    log_seen: usize,
}

pub(super) fn run(test: &Test) -> Result<(), TestFailure> {
    let host = TestHost::config(test.host.clone()).start().map_err(|error| TestFailure {
        file: test.file.clone(),
        line: test.line,
        step: None,
        what: with_causes(&error),
        log: Vec::new(),
    })?;
    let mut run = Run { test, host, clients: BTreeMap::new(), log_seen: 0 };
    for PlacedStep { line, source, step } in &test.steps {
        run.step(step).map_err(|what| TestFailure {
            file: test.file.clone(),
            line: *line,
            step: Some(source.clone()),
            what,
            log: run.host.log(),
        })?;
    }
    Ok(())
}

impl Run<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Connect { client, connect } => match self.host.connect(connect.clone()) {
                Ok(connected) => {
                    self.clients.insert(client.clone(), connected.named(client.clone()));
                    Ok(())
                }
                Err(error) => Err(error.to_string()),
            },
            Step::ConnectRefused { connect, status, body } => {
                let refused = match self.host.connect(connect.clone()) {
                    Err(ConnectError::Refused(refused)) => refused,
                    Err(error) => return Err(error.to_string()),
                    Ok(_) => {
                        let expected = format!("a refusal with status {status}");
                        return Err(difference(&expected, "an accepted client"));
                    }
                };
                let body_is_right =
                    body.as_ref().is_none_or(|pattern| pattern.accepts(&refused.text()));
                if refused.status.as_u16() == *status && body_is_right {
                    return Ok(());
                }
                let body = body.as_ref().map(|body| format!(" with the body {body}"));
                let expected = format!("status {status}{}", body.unwrap_or_default());
                Err(difference(&expected, &refused.to_string()))
            }
            Step::Send { clients, message } => self.for_each(clients, |client| match message {
                Message::Text(text) => client.send(text),
                Message::Binary(bytes) => client.send_binary(bytes),
            }),
            Step::SendRaw { client, bytes } => {
                self.client(client).map(|client| client.send_raw(bytes))
            }
            Step::Ping { client, payload } => {
                self.client(client).map(|client| client.ping(payload))
            }
            Step::Pong { client, payload } => {
                self.client(client).map(|client| client.pong(payload))
            }
            Step::Expect { clients, message, within, others } => self.each(clients, |client| {
                let accepts = |received: &Received| message.accepts(received);
                expect(client, *within, *others, &message.to_string(), accepts)
            }),
            Step::ExpectPing { client, payload, within } => {
                self.expect_exactly(client, *within, &Received::Ping(payload.clone()))
            }
            Step::ExpectPong { client, payload, within } => {
                self.expect_exactly(client, *within, &Received::Pong(payload.clone()))
            }
            Step::ExpectClose { clients, code, reason, within } => {
                let expected = close(*code, reason.as_ref());
                self.each(clients, |client| {
                    expect(client, *within, Others::Fail, &expected, |received| match received {
                        Received::Closed(closed) => {
                            code.is_none_or(|code| code == closed.code)
                                && reason
                                    .as_ref()
                                    .is_none_or(|reason| reason.accepts(&closed.reason))
                        }
                        _ => false,
                    })
                })
            }
            Step::ExpectNothing { clients } => self.each(clients, |client| match client.next() {
                None => Ok(()),
                Some(received) => Err(difference_for(client, "nothing", &received.to_string())),
            }),
            Step::ExpectLog { line } => self.expect_log(line),
            Step::Close { client, code, reason } => {
                let client = self.client(client)?;
                client.try_close(*code, reason).map_err(|error| error.to_string())
            }
            Step::Disconnect { clients } => self.for_each(clients, TestClient::disconnect),
            Step::StopReading { clients } => self.for_each(clients, TestClient::stop_reading),
            Step::ContinueReading { clients } => {
                self.for_each(clients, TestClient::continue_reading)
            }
            Step::Kick { clients } => self.each(clients, |client| match self.host.kick(client) {
                true => Ok(()),
                false => Err(format!("{:?} is no longer connected", client.name)),
            }),
            Step::Advance(time) => {
                self.host.advance(*time);
                Ok(())
            }
            Step::Reload { component, fails } => {
                let component = self.test.project.join(component);
                reloaded(self.host.reload_from(component), fails.as_deref())
            }
            Step::RollBack => self.host.roll_back().map(drop).map_err(|error| error.to_string()),
            Step::Hibernate => {
                self.host.hibernate();
                Ok(())
            }
            Step::Fault(failure) => {
                self.host.fail_next_event(*failure);
                Ok(())
            }
            Step::Publish { topic, text, reaches } => {
                let reached = self.host.publish(topic, text).map_err(|error| error.to_string())?;
                match reaches {
                    Some(expected) if *expected != reached => Err(difference(
                        &format!("{expected} clients"),
                        &format!("{reached} clients"),
                    )),
                    _ => Ok(()),
                }
            }
            Step::Custom { message, to, reply } => self.custom(message, to, reply.as_ref()),
            Step::Stop => {
                self.host.stop();
                Ok(())
            }
        }
    }

    fn client(&self, name: &str) -> Result<&TestClient, String> {
        self.clients.get(name).ok_or_else(|| match self.clients.len() {
            0 => format!("no client is called {name:?}: add a `connect` step before this one"),
            _ => {
                let all: Vec<&str> = self.clients.keys().map(String::as_str).collect();
                format!("no client is called {name:?}; connected so far: {}", all.join(", "))
            }
        })
    }

    fn each(
        &self,
        clients: &Clients,
        work: impl Fn(&TestClient) -> Result<(), String>,
    ) -> Result<(), String> {
        clients.iter().try_for_each(|name| work(self.client(name)?))
    }

    fn for_each(&self, clients: &Clients, work: impl Fn(&TestClient)) -> Result<(), String> {
        self.each(clients, |client| {
            work(client);
            Ok(())
        })
    }

    fn expect_exactly(
        &self,
        client: &str,
        within: Duration,
        expected: &Received,
    ) -> Result<(), String> {
        let client = self.client(client)?;
        expect(client, within, Others::Fail, &expected.to_string(), |received| received == expected)
    }

    /// Looks for a line in the part of the log that no earlier step has checked.
    fn expect_log(&mut self, pattern: &TextPattern) -> Result<(), String> {
        let log = self.host.log();
        let new = log.get(self.log_seen..).unwrap_or_default();
        let found = new.iter().position(|line| pattern.accepts(&line.text));
        match found {
            Some(found) => {
                self.log_seen += found + 1;
                Ok(())
            }
            None => Err(difference(&format!("a log line {pattern} after the last step"), "none")),
        }
    }

    fn custom(
        &self,
        message: &[u8],
        to: &CustomTo,
        reply: Option<&TextPattern>,
    ) -> Result<(), String> {
        let to = match to {
            CustomTo::All => Recipient::All,
            CustomTo::Client(client) => Recipient::Client(self.client(client)?.id()),
            CustomTo::Path(path) => Recipient::Path(path.clone()),
        };
        let replies = self.host.send_custom(to, message).map_err(|error| error.to_string())?;
        let Some(expected) = reply else { return Ok(()) };
        for given in replies {
            let given = match given {
                CustomReply::Given(reply) => String::from_utf8_lossy(&reply).into_owned(),
                CustomReply::Refused(why) => {
                    return Err(format!("the handler refused the message: {why}"));
                }
                CustomReply::NoListener => {
                    return Err("the component does not export custom-listener".into());
                }
                CustomReply::Failed => return Err("the handler failed".into()),
            };
            if !expected.accepts(&given) {
                return Err(difference(&format!("the reply {expected}"), &format!("{given:?}")));
            }
        }
        Ok(())
    }
}

fn expect(
    client: &TestClient,
    within: Duration,
    others: Others,
    expected: &str,
    accepts: impl Fn(&Received) -> bool,
) -> Result<(), String> {
    let mut skipped = 0;
    loop {
        match client.next_within(within) {
            Some(received) if accepts(&received) => return Ok(()),
            Some(Received::Text(_) | Received::Binary(_)) if others == Others::Skip => skipped += 1,
            Some(received) => return Err(difference_for(client, expected, &received.to_string())),
            None => {
                let after = if skipped > 0 {
                    format!(" that matches (other messages skipped: {skipped})")
                } else {
                    String::new()
                };
                return Err(difference_for(client, expected, &format!("nothing{after}")));
            }
        }
    }
}

fn close(code: Option<u16>, reason: Option<&TextPattern>) -> String {
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    let reason = reason.map(|reason| format!(" {reason}")).unwrap_or_default();
    format!("close{code}{reason}")
}

fn reloaded(result: Result<(), crate::ConfigureError>, fails: Option<&str>) -> Result<(), String> {
    match (result, fails) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(_)) => {
            Err("the component was reloaded, but the reload was expected to fail".into())
        }
        (Err(error), None) => Err(format!("the reload failed: {error}")),
        (Err(error), Some(part)) => match error.to_string() {
            text if text.contains(part) => Ok(()),
            text => Err(difference(&format!("an error with {part:?} in it"), &text)),
        },
    }
}

fn difference_for(client: &TestClient, expected: &str, came: &str) -> String {
    format!("{} received something else\n{}", client.name, difference(expected, came))
}

fn difference(expected: &str, came: &str) -> String {
    format!("  expected  {expected}\n  got       {came}")
}

impl fmt::Display for TestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file.display(), self.line)?;
        match &self.step {
            Some(step) => write!(f, "{}\n{}", step.trim(), self.what)?,
            None => write!(f, "{}", self.what)?,
        }
        if !self.log.is_empty() {
            write!(f, "\n  log")?;
        }
        for line in self.log.iter().skip(self.log.len().saturating_sub(SHOWN_LINES)) {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TestFailure {}
