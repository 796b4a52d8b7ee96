//! The settings of another program: nothing that it may set makes the host panic, or stop coming round.

use std::error::Error;
use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use ws_host::client::{Options, connect};
use ws_host::config::{
    self, Address, Config, Encryption, InstancePer, Listen, ProxyProtocol, ResourceConfig, Trial,
};
use ws_host::{Server, StartError};

/// Long enough for a machine that is busy, and short enough for a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the least value, one more, and the greatest come to.
type Edges = [Expected; 3];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// It is an error that names the key.
    Wrong,
    /// It starts, and responds to each request, if only with a refusal.
    Serves,
    /// The component cannot be served like that.
    NoComponent,
}

use Expected::{NoComponent, Serves, Wrong};

type Set = fn(&mut Config);
type SetNumber = fn(&mut Config, usize);
type SetTime = fn(&mut Config, Duration);

/// The greatest number is the greatest of its type: of `u32` and `u8` where the setting is one.
const NUMBERS: [(&str, Edges, SetNumber); 19] = [
    ("backlog", [Wrong, Serves, Serves], |config, n| config.backlog = u32_of(n)),
    ("workers", [Serves, Serves, Wrong], |config, n| {
        config.host.workers = NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
    }),
    ("max-clients", [Wrong, Serves, Wrong], |config, n| config.host.limits.max_clients = n),
    ("max-headers", [Wrong, Serves, Wrong], |config, n| config.host.limits.max_headers = n),
    ("max-header-size", [Wrong, Wrong, Wrong], |config, n| {
        config.host.limits.max_header_size = n;
    }),
    ("max-buffered", [Wrong, Wrong, Wrong], |config, n| config.host.limits.max_buffered = n),
    ("compile-memory", [Wrong, Serves, Wrong], |config, n| config.host.compile.max_memory = n),
    ("max-http2-streams", [Wrong, Serves, Wrong], |config, n| {
        config.host.limits.max_http2_streams = u32_of(n);
    }),
    ("max-clients", [Wrong, Serves, Wrong], |config, n| one(config).limits.max_clients = n),
    ("max-message", [Wrong, Serves, Wrong], |config, n| one(config).limits.max_message = n),
    ("max-outbound", [Wrong, Wrong, Wrong], |config, n| one(config).limits.max_outbound = n),
    ("min-rate", [Wrong, Serves, Wrong], |config, n| one(config).limits.min_rate = n),
    ("max-memory", [Wrong, NoComponent, Wrong], |config, n| one(config).limits.max_memory = n),
    ("max-instances", [Wrong, Serves, Wrong], |config, n| one(config).limits.max_instances = n),
    ("max-state", [Wrong, Serves, Wrong], |config, n| one(config).limits.max_state = n),
    ("max-log", [Wrong, Serves, Wrong], |config, n| one(config).limits.max_log = n),
    ("instances", [Serves, Serves, Wrong], |config, n| {
        let instances = NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
        one(config).instance_per = InstancePer::Resource { instances };
    }),
    ("canary", [Wrong, Serves, Wrong], |config, n| {
        let mut trial = Trial::new(Duration::from_secs(1));
        trial.canary = u8::try_from(n).unwrap_or(u8::MAX);
        one(config).trial = Some(trial);
    }),
    // Memory that every instance of its own has a place for.
    ("max-memory", [Wrong, NoComponent, Wrong], |config, n| {
        one(config).instance_per = InstancePer::Client;
        one(config).limits.max_memory = n;
    }),
];

/// One is a nanosecond.
const TIMES: [(&str, Edges, SetTime); 11] = [
    ("handshake-timeout", [Wrong, Wrong, Serves], |config, t| config.host.timeouts.handshake = t),
    ("compile-timeout", [Wrong, Wrong, Serves], |config, t| config.host.compile.timeout = t),
    ("drain-timeout", [Serves, Serves, Serves], |config, t| config.host.timeouts.drain = t),
    ("max-cpu", [Wrong, Wrong, Serves], |config, t| one(config).limits.max_cpu = t),
    ("max-time", [Wrong, Wrong, Serves], |config, t| one(config).limits.max_time = t),
    ("close-timeout", [Wrong, Wrong, Serves], |config, t| one(config).timeouts.close = t),
    ("idle-timeout", [Serves, Wrong, Serves], |config, t| one(config).timeouts.idle = Some(t)),
    ("hibernate-after", [Serves, Wrong, Serves], |config, t| {
        one(config).timeouts.hibernate_after = Some(t);
    }),
    ("checkpoint", [Serves, Wrong, Serves], |config, t| {
        one(config).timeouts.checkpoint = Some(t);
    }),
    ("trial", [Serves, Wrong, Serves], |config, t| one(config).trial = Some(Trial::new(t))),
    // The least that is let in: nothing stops coming round for it.
    ("idle-timeout", [Serves, Serves, Serves], |config, t| {
        one(config).timeouts.idle = Some(t.max(Duration::from_millis(1)));
    }),
];

/// What is the greatest that is let in must serve too.
const GREATEST: [(&str, SetNumber); 11] = [
    ("max-clients", |config, _| config.host.limits.max_clients = 1 << 24),
    ("max-headers", |config, _| config.host.limits.max_headers = 10_000),
    ("max-header-size", |config, n| config.host.limits.max_header_size = n),
    ("max-buffered", |config, n| config.host.limits.max_buffered = n),
    ("max-http2-streams", |config, _| config.host.limits.max_http2_streams = 1 << 20),
    ("workers", |config, _| {
        config.host.workers = NonZeroUsize::new(1 << 12).unwrap_or(NonZeroUsize::MIN);
    }),
    ("max-memory", |config, n| one(config).limits.max_memory = n),
    ("max-outbound", |config, n| {
        config.host.limits.max_buffered = n;
        one(config).limits.max_outbound = n / 2;
        one(config).limits.max_message = n / 4;
    }),
    ("min-rate", |config, n| one(config).limits.min_rate = n),
    ("max-state", |config, n| one(config).limits.max_state = n),
    ("max-log", |config, n| one(config).limits.max_log = n),
];

static PANICS: AtomicUsize = AtomicUsize::new(0);

#[tokio::test]
async fn edge_of_every_setting_is_served_or_refused_by_name() -> Result<(), Box<dyn Error>> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        hook(panic);
    }));
    let cache = tempfile::tempdir()?;
    let config = || config_of(cache.path());
    let mut unexpected = Vec::new();
    for (key, edges, set) in NUMBERS {
        for (number, expected) in [0, 1, usize::MAX].into_iter().zip(edges) {
            let mut config = config()?;
            set(&mut config, number);
            unexpected.extend(check(config, key, &number, expected).await);
        }
    }
    for (key, edges, set) in TIMES {
        let times = [Duration::ZERO, Duration::from_nanos(1), Duration::MAX];
        for (time, expected) in times.into_iter().zip(edges) {
            let mut config = config()?;
            set(&mut config, time);
            unexpected.extend(check(config, key, &time, expected).await);
        }
    }
    for (key, set) in GREATEST {
        let mut config = config()?;
        set(&mut config, usize::MAX >> 8);
        unexpected.extend(check(config, key, &"the greatest", Serves).await);
    }
    assert_eq!(unexpected, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_served_as_it_says_does_not_start() -> Result<(), Box<dyn Error>> {
    let cache = tempfile::tempdir()?;
    let wrongs: [(&str, Set); 9] = [
        ("listen", |config| config.listen.clear()),
        // It would be served in the clear.
        ("listen", |config| config.listen[0].encryption = Encryption::Tls),
        ("listen", |config| config.listen[0].proxy_protocol = ProxyProtocol::Required),
        ("listen", |config| {
            one(config).listen = Some(Address::Tcp(([127, 0, 0, 1], 9).into()));
        }),
        ("admin", |config| config.admin = Some(([0, 0, 0, 0], 0).into())),
        ("name", |config| one(config).name = "a b".into()),
        ("name", |config| {
            let same = one(config).clone();
            config.host.resources.push(same);
        }),
        ("subprotocols", |config| one(config).subprotocols.push("a b".into())),
        ("environment", |config| one(config).environment.push(("A\0".into(), String::new()))),
    ];
    for (key, set) in wrongs {
        let mut config = config_of(cache.path())?;
        set(&mut config);
        assert_eq!(check(config, key, &"as set", Wrong).await, Vec::<String>::new());
    }
    Ok(())
}

#[tokio::test]
async fn resource_that_joins_is_checked_as_those_that_were_there() -> Result<(), Box<dyn Error>> {
    let cache = tempfile::tempdir()?;
    let mut config = config_of(cache.path())?;
    config.host.limits.max_buffered = 8 << 20;
    let host = ws_host::Host::start(config.host.clone()).await?;
    let mut resource = config.host.resources.remove(0);
    resource.limits.max_outbound = 4 << 20;
    host.configure(vec![resource.clone()]).await?;
    resource.limits.max_outbound += 1;
    let error = host.configure(vec![resource.clone()]).await.expect_err("too large");
    assert!(error.to_string().starts_with("resource 1: max-outbound "), "{error}");
    resource.limits.max_outbound = 0;
    let error = host.configure(vec![resource]).await.expect_err("too small");
    assert!(
        matches!(error, ws_host::ConfigureError::Setting(wrong) if wrong.key == "max-outbound")
    );
    Ok(())
}

fn one(config: &mut Config) -> &mut ResourceConfig {
    &mut config.host.resources[0]
}

fn u32_of(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn component() -> PathBuf {
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components/echo.wasm");
    assert!(component.is_file(), "run `make components` first");
    component
}

fn config_of(cache: &Path) -> Result<Config, Box<dyn Error>> {
    let mut host = config::HostConfig::new(vec![ResourceConfig::new("/", component())?]);
    // Compiled once for all.
    host.cache = Some(cache.into());
    host.timeouts.drain = Duration::from_secs(1);
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Ok(Config::new(vec![Listen::plain(here)], host))
}

/// What is not as expected.
async fn check(config: Config, key: &str, value: &dyn Debug, expected: Expected) -> Vec<String> {
    let case = format!("{key} = {value:?}");
    let Ok(outcome) = timeout(PATIENCE, tokio::spawn(outcome(config))).await else {
        return vec![format!("{case} hangs")];
    };
    let Ok(outcome) = outcome else { return vec![format!("{case} does not start for a panic")] };
    let panics = PANICS.swap(0, Ordering::Relaxed);
    match (expected, outcome) {
        (_, outcome) if panics > 0 => vec![format!("{case} panics, and is {outcome:?}")],
        (Wrong, Err(StartError::Setting(wrong))) if wrong.key == key => Vec::new(),
        (Serves, Ok(())) | (NoComponent, Err(StartError::Component(_))) => Vec::new(),
        (_, outcome) => vec![format!("{case} is {outcome:?}, not {expected:?}")],
    }
}

async fn outcome(config: Config) -> Result<(), StartError> {
    let server = Server::start(config).await?;
    let Address::Tcp(address) = server.listening()[0].address else { panic!("not TCP") };
    let (stop, stopping) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async {
        // Either is a reason to stop.
        let _ = stopping.await;
    }));
    let mut answer = String::new();
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.expect("it reads");
    stream.read_to_string(&mut answer).await.expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 "), "{answer:?}");
    let options = Options::new(&format!("ws://{address}/")).expect("a URL");
    let (client, mut messages) = connect(options);
    // What does not come about is refused, or ended by a limit: both are outcomes.
    let _ = client.send_text("x").await;
    let _ = messages.next().await;
    drop((client, messages));
    drop(stop);
    running.await.expect("no panic");
    Ok(())
}
