//! The steps of a test.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::{Table, Value};

use super::keys::{Keys, Problem};
use super::pattern::{MessagePattern, TextPattern, json, one_of};
use crate::config::suggestion;
use crate::testing::{Connect, Failure};

/// A step, and its place in the file.
#[derive(Debug)]
pub(super) struct PlacedStep {
    pub(super) line: usize,
    /// The step as it is written in the script.
    pub(super) source: String,
    pub(super) step: Step,
}

/// The names of clients.
pub(super) type Clients = Vec<String>;

/// A step of a test.
#[derive(Debug)]
pub(super) enum Step {
    Connect {
        client: String,
        connect: Connect,
    },
    ConnectRefused {
        connect: Connect,
        status: u16,
        body: Option<TextPattern>,
    },
    Send {
        clients: Clients,
        message: Message,
    },
    SendRaw {
        client: String,
        bytes: Vec<u8>,
    },
    Ping {
        client: String,
        payload: Vec<u8>,
    },
    Pong {
        client: String,
        payload: Vec<u8>,
    },
    Expect {
        clients: Clients,
        message: MessagePattern,
        within: Duration,
        others: Others,
    },
    ExpectPing {
        client: String,
        payload: Vec<u8>,
        within: Duration,
    },
    ExpectPong {
        client: String,
        payload: Vec<u8>,
        within: Duration,
    },
    ExpectClose {
        clients: Clients,
        code: Option<u16>,
        reason: Option<TextPattern>,
        within: Duration,
    },
    ExpectNothing {
        clients: Clients,
    },
    ExpectLog {
        line: TextPattern,
    },
    Close {
        client: String,
        code: u16,
        reason: String,
    },
    Disconnect {
        clients: Clients,
    },
    StopReading {
        clients: Clients,
    },
    ContinueReading {
        clients: Clients,
    },
    Kick {
        clients: Clients,
    },
    Advance(Duration),
    Reload {
        component: PathBuf,
        fails: Option<String>,
    },
    RollBack,
    Hibernate,
    Fault(Failure),
    Publish {
        topic: String,
        text: String,
        reaches: Option<usize>,
    },
    Custom {
        message: Vec<u8>,
        to: CustomTo,
        reply: Option<TextPattern>,
    },
    Stop,
}

/// A message that a client sends.
#[derive(Debug)]
pub(super) enum Message {
    Text(String),
    Binary(Vec<u8>),
}

/// What to do with messages that arrive before the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    Fail,
    Skip,
}

/// The recipients of a custom message.
#[derive(Debug)]
pub(super) enum CustomTo {
    All,
    Client(String),
    Path(String),
}

type Read = fn(&mut Keys) -> Result<Step, Problem>;

/// The kinds of steps: the key that names each kind, and the function that reads the rest.
const STEPS: [(&str, Read); 24] = [
    ("connect", connect),
    ("send", |keys| Ok(Step::Send { clients: keys.texts("send")?, message: message(keys)? })),
    ("send-raw", |keys| {
        let bytes = keys.bytes("bytes")?.ok_or("`bytes` is missing")?;
        Ok(Step::SendRaw { client: keys.needed_text("send-raw")?, bytes })
    }),
    ("ping", |keys| Ok(Step::Ping { client: keys.needed_text("ping")?, payload: payload(keys)? })),
    ("pong", |keys| Ok(Step::Pong { client: keys.needed_text("pong")?, payload: payload(keys)? })),
    ("expect", expect),
    ("expect-ping", |keys| {
        let client = keys.needed_text("expect-ping")?;
        Ok(Step::ExpectPing { client, payload: payload(keys)?, within: within(keys)? })
    }),
    ("expect-pong", |keys| {
        let client = keys.needed_text("expect-pong")?;
        Ok(Step::ExpectPong { client, payload: payload(keys)?, within: within(keys)? })
    }),
    ("expect-close", |keys| {
        let (clients, code) = (keys.texts("expect-close")?, keys.number("code")?);
        let reason = keys.text("reason")?.map(TextPattern::Is);
        let reason = one_of(
            [reason, keys.text("contains")?.map(TextPattern::Contains)],
            "`reason` and `contains`",
        )?;
        Ok(Step::ExpectClose { clients, code, reason, within: within(keys)? })
    }),
    ("expect-nothing", |keys| Ok(Step::ExpectNothing { clients: keys.texts("expect-nothing")? })),
    ("expect-log", |keys| {
        Ok(Step::ExpectLog { line: TextPattern::Contains(keys.needed_text("expect-log")?) })
    }),
    ("close", |keys| {
        let (client, code) = (keys.needed_text("close")?, keys.number("code")?.unwrap_or(1000));
        Ok(Step::Close { client, code, reason: keys.text("reason")?.unwrap_or_default() })
    }),
    ("disconnect", |keys| Ok(Step::Disconnect { clients: keys.texts("disconnect")? })),
    ("stop-reading", |keys| Ok(Step::StopReading { clients: keys.texts("stop-reading")? })),
    ("continue-reading", |keys| {
        Ok(Step::ContinueReading { clients: keys.texts("continue-reading")? })
    }),
    ("kick", |keys| Ok(Step::Kick { clients: keys.texts("kick")? })),
    ("advance", advance),
    ("reload", |keys| {
        let component = keys.needed_text("reload")?.into();
        Ok(Step::Reload { component, fails: keys.text("fails")? })
    }),
    ("roll-back", |keys| keys.is_true("roll-back").map(|_| Step::RollBack)),
    ("hibernate", |keys| keys.is_true("hibernate").map(|_| Step::Hibernate)),
    ("fault", fault),
    ("publish", |keys| {
        let (topic, text) = (keys.needed_text("publish")?, keys.needed_text("text")?);
        Ok(Step::Publish { topic, text, reaches: keys.number("reaches")? })
    }),
    ("custom", custom),
    ("stop", |keys| keys.is_true("stop").map(|_| Step::Stop)),
];

impl Step {
    pub(super) fn read(table: Table) -> Result<Self, Problem> {
        let mut keys = Keys::new(table);
        let found: Vec<_> =
            STEPS.iter().filter(|(verb, _)| keys.names().any(|key| key == *verb)).collect();
        let step = match found[..] {
            [(_, read)] => read(&mut keys)?,
            [] => return Err(no_verb(&keys)),
            [(one, _), (other, _), ..] => {
                return Err(format!(
                    "a step can do only one thing: put `{one}` and `{other}` into two steps"
                ));
            }
        };
        keys.finish()?;
        if let Some(clients) = step.clients()
            && clients.is_empty()
        {
            return Err("the list of clients is empty: name at least one client".into());
        }
        Ok(step)
    }

    fn clients(&self) -> Option<&Clients> {
        match self {
            Self::Send { clients, .. }
            | Self::Expect { clients, .. }
            | Self::ExpectClose { clients, .. }
            | Self::ExpectNothing { clients }
            | Self::Disconnect { clients }
            | Self::StopReading { clients }
            | Self::ContinueReading { clients }
            | Self::Kick { clients } => Some(clients),
            _ => None,
        }
    }
}

fn no_verb(keys: &Keys) -> Problem {
    let verbs: Vec<&str> = STEPS.iter().map(|(verb, _)| *verb).collect();
    match keys.names().next() {
        None => format!("the step is empty: give it one of the keys {}", verbs.join(", ")),
        Some(first) => suggestion(first, &verbs),
    }
}

fn within(keys: &mut Keys) -> Result<Duration, Problem> {
    Ok(keys.time("within")?.unwrap_or_default())
}

/// Reads the message that is to be sent.
fn message(keys: &mut Keys) -> Result<Message, Problem> {
    let found = [
        keys.text("text")?.map(Message::Text),
        json(keys)?.map(|json| Message::Text(json.to_string())),
        keys.bytes("bytes")?.map(Message::Binary),
    ];
    let all = "`text`, `json` and `bytes`";
    one_of(found, all)?.ok_or_else(|| format!("the step needs one of {all}"))
}

/// Reads the payload of a ping or pong.
fn payload(keys: &mut Keys) -> Result<Vec<u8>, Problem> {
    let found = [keys.text("text")?.map(String::into_bytes), keys.bytes("bytes")?];
    Ok(one_of(found, "`text` and `bytes`")?.unwrap_or_default())
}

fn connect(keys: &mut Keys) -> Result<Step, Problem> {
    let client = keys.needed_text("connect")?;
    let mut connect = Connect::to(keys.text("to")?.unwrap_or_else(|| "/".into()));
    match keys.value("headers") {
        None => {}
        Some(Value::Table(headers)) => {
            for (name, value) in headers {
                let Value::String(value) = value else {
                    return Err(format!("`headers`: the value of {name:?} must be a string"));
                };
                connect = connect.header(name, value);
            }
        }
        Some(_) => return Err("`headers` must be a table, such as { cookie = \"a=b\" }".into()),
    }
    for name in keys.texts("subprotocols")? {
        connect = connect.subprotocol(name);
    }
    if let Some(address) = keys.text("from")? {
        let parsed: Result<IpAddr, _> = address.parse();
        let wrong = |_| format!("`from` must be an IP address, not {address:?}");
        connect = connect.from(parsed.map_err(wrong)?);
    }
    if keys.is_true("compression")? {
        connect = connect.compression();
    }
    let connect = connect.within(within(keys)?);
    match keys.number("refused")? {
        None => Ok(Step::Connect { client, connect }),
        Some(status) => {
            Ok(Step::ConnectRefused { connect, status, body: TextPattern::read(keys)? })
        }
    }
}

fn expect(keys: &mut Keys) -> Result<Step, Problem> {
    let (clients, message) = (keys.texts("expect")?, MessagePattern::read(keys)?);
    let others = if keys.is_true("skip-others")? { Others::Skip } else { Others::Fail };
    Ok(Step::Expect { clients, message, within: within(keys)?, others })
}

fn advance(keys: &mut Keys) -> Result<Step, Problem> {
    const MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
    match keys.time("advance")? {
        Some(time) if time <= MAX => Ok(Step::Advance(time)),
        _ => Err("`advance` must be at most 366 days".into()),
    }
}

fn fault(keys: &mut Keys) -> Result<Step, Problem> {
    let failure = match &*keys.needed_text("fault")? {
        "trap" => Failure::Trap,
        "memory" => Failure::Memory,
        "cpu" => Failure::Cpu,
        "time" => Failure::Time,
        other => {
            return Err(format!("`fault` must be trap, memory, cpu or time, not {other:?}"));
        }
    };
    Ok(Step::Fault(failure))
}

fn custom(keys: &mut Keys) -> Result<Step, Problem> {
    let message = keys.needed_text("custom")?.into_bytes();
    let to = [keys.text("client")?.map(CustomTo::Client), keys.text("path")?.map(CustomTo::Path)];
    let to = one_of(to, "`client` and `path`")?.unwrap_or(CustomTo::All);
    Ok(Step::Custom { message, to, reply: keys.text("reply")?.map(TextPattern::Is) })
}
